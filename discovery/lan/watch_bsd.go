//go:build darwin || freebsd

package lan

import "golang.org/x/sys/unix"

// routeSocket gets a message for each change of a link, an address or a route (route(4)).
func routeSocket() (int, error) { return unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC) }
