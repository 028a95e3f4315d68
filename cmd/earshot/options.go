package main

import (
	"context"
	"errors"
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
	"github.com/spf13/pflag"

	"earshot/peer"
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

	// Settings without a flag.
	days, entries int // 0: for ever, all
	readMarks     bool

	flags *pflag.FlagSet // nil: no flag is given
}

// defaultHome is where profiles are.
func defaultHome() string { return filepath.Join(xdg.DataHome, "earshot") }

// given tells whether a flag is on the command line.
func (o *options) given(flag string) bool { return o.flags != nil && o.flags.Changed(flag) }

func (o *options) register(root *cobra.Command) {
	f := root.PersistentFlags()
	o.flags = f
	f.StringVar(&o.profile, "profile", envOr("EARSHOT_PROFILE", "default"), "profile `NAME` (environment EARSHOT_PROFILE)")
	f.StringVar(&o.home, "home", envOr("EARSHOT_HOME", defaultHome()), "folder `DIR` of the profiles (environment EARSHOT_HOME)")
	f.StringVar(&o.name, "name", "", "be called `NAME` until the end of this run (default: the last /nick, else that of the settings or the login name)")
	f.StringArrayVar(&o.interfaces, "interface", nil, "use interface `NAME` only (repeatable; default: all that can broadcast)")
	f.Uint16Var(&o.port, "port", o.port, "own UDP `PORT` (default: any free one)")
	f.Uint16Var(&o.announcePort, "announce-port", o.announcePort, "UDP `PORT` of announcements, the same for everybody on the LAN")
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

// place finds what is wrong with where things are, and makes the home absolute.
func (o *options) place() error {
	switch {
	case !profileName.MatchString(o.profile):
		return usagef("--profile %q: use letters, digits, '-', '_' and '.'", o.profile)
	case strings.EqualFold(o.profile, configFile):
		return usagef("--profile %s: the settings have that name", o.profile)
	case o.home == "":
		return usagef("--home \"\": name a folder")
	}
	home, err := filepath.Abs(o.home)
	if err != nil {
		return fmt.Errorf("--home %s: %w", o.home, err)
	}
	o.home = home
	return nil
}

// check reads the settings, and finds what is wrong with them and the flags before anything is done.
func (o *options) check() error {
	if err := o.place(); err != nil {
		return err
	}
	if err := o.readConfig(); err != nil {
		return err
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
	return nil
}

// resolve looks up the peers' addresses. A port that was not said stays 0: the announce port.
// An error says which cannot be; the others are returned beside it.
func (o *options) resolve(ctx context.Context) (all []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, p := range o.peers {
		host, port, wrong := splitPeer(p)
		if wrong != nil {
			return nil, usagef("peer %s: %w", p, wrong)
		}
		addrs, wrong := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("peer %s: no IPv4 address found: %w", p, wrong))
		}
		for _, a := range addrs {
			all = append(all, netip.AddrPortFrom(a.Unmap(), port))
		}
	}
	return all, err
}

// splitPeer takes HOST[:PORT] apart.
func splitPeer(p string) (host string, port uint16, err error) {
	if strings.Count(p, ":") > 1 {
		return "", 0, errors.New("earshot speaks IPv4 only")
	}
	host, digits, ok := strings.Cut(p, ":")
	if ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("%q is no port", digits)
		}
		port = uint16(n)
	}
	if host == "" {
		return "", 0, errors.New("no host")
	}
	return host, port, nil
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
