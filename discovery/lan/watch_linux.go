package lan

import "golang.org/x/sys/unix"

// routeSocket gets a message for each change of a link or an IPv4 address (rtnetlink(7)).
func routeSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR}); err != nil {
		_ = unix.Close(fd)
		return 0, err
	}
	return fd, nil
}
