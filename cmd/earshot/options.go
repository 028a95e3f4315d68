package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/protocol"
)

// options are the flags that every command has.
type options struct {
	home         string
	profile      string
	name         string
	interfaces   []string
	port         uint16
	announcePort uint16
	peers        []string
	trace        string
	noHistory    bool
}

func (o *options) register(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&o.profile, "profile", envOr("EARSHOT_PROFILE", "default"), "profile `NAME` (environment EARSHOT_PROFILE)")
	f.StringVar(&o.home, "home", envOr("EARSHOT_HOME", filepath.Join(xdg.DataHome, "earshot")), "folder `DIR` of the profiles (environment EARSHOT_HOME)")
	f.StringVar(&o.name, "name", "", "be called `NAME` until the end of this run (default: the last /nick, else the login name)")
	f.StringArrayVar(&o.interfaces, "interface", nil, "use interface `NAME` only (repeatable; default: all that can broadcast)")
	f.Uint16Var(&o.port, "port", 0, "own UDP `PORT` (default: any free one)")
	f.Uint16Var(&o.announcePort, "announce-port", protocol.AnnouncePort, "UDP `PORT` of announcements, the same for everybody on the LAN")
	f.StringArrayVar(&o.peers, "peer", nil, "somebody beyond the LAN's broadcasts, as `HOST[:PORT]` (repeatable)")
	f.StringVar(&o.trace, "trace", "", "write a JSON line for every datagram to `FILE`")
	f.BoolVar(&o.noHistory, "no-history", false, "remember in memory only, and read or write no history file")
	_ = root.RegisterFlagCompletionFunc("profile", o.completeProfile)
	_ = root.RegisterFlagCompletionFunc("interface", completeInterface)
	for _, name := range []string{"name", "port", "announce-port", "peer"} {
		_ = root.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// check finds what is wrong with the flags before anything is done.
func (o *options) check() error {
	if !profileName.MatchString(o.profile) {
		return usagef("--profile %q: use letters, digits, '-', '_' and '.'", o.profile)
	}
	if o.announcePort == 0 {
		return usagef("--announce-port 0: everybody needs the same one, so it cannot be any")
	}
	if o.port == o.announcePort {
		return usagef("--port %d is the port of announcements, which all share: choose another one, or leave --port away", o.port)
	}
	if o.name != "" {
		name, err := peer.CleanName(o.name)
		if err != nil {
			return usagef("--name %q: %w", o.name, err)
		}
		o.name = name
	}
	if o.home == "" {
		return usagef("--home \"\": name a folder")
	}
	home, err := filepath.Abs(o.home)
	if err != nil {
		return fmt.Errorf("--home %s: %w", o.home, err)
	}
	o.home = home
	return nil
}

// resolve looks up the --peer addresses. A port that was not said stays 0: the announce port.
func (o *options) resolve(ctx context.Context) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var all []netip.AddrPort
	for _, p := range o.peers {
		host, port := p, uint16(0)
		if strings.Count(p, ":") > 1 {
			return nil, usagef("--peer %s: earshot speaks IPv4 only", p)
		}
		if h, digits, ok := strings.Cut(p, ":"); ok {
			n, err := strconv.ParseUint(digits, 10, 16)
			if err != nil || n == 0 {
				return nil, usagef("--peer %s: %q is no port", p, digits)
			}
			host, port = h, uint16(n)
		}
		if host == "" {
			return nil, usagef("--peer %s: no host", p)
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil {
			return nil, fmt.Errorf("--peer %s: no IPv4 address found: %w", p, err)
		}
		for _, a := range addrs {
			all = append(all, netip.AddrPortFrom(a.Unmap(), port))
		}
	}
	return all, nil
}

func (o *options) completeProfile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, _ := os.ReadDir(o.home)
	var names []string
	for _, e := range entries {
		if e.IsDir() && profileName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func completeInterface(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	all, _ := net.Interfaces()
	var names []string
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 {
			names = append(names, i.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completePeople completes names from the running instance, and from nothing else: a completion must not go on the network.
func (o *options) completePeople(rooms bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if rooms {
			names = append(names, "#"+peer.Lobby)
		} else if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		r, err := dialControl(o.home, o.profile)
		if err != nil {
			return names, cobra.ShellCompDirectiveNoFileComp
		}
		defer r.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		people, _ := r.People(ctx)
		for _, p := range people {
			names = append(names, label(p.Name, p.ID))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
