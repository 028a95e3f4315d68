package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A user unit can restrict system calls and addresses; what needs a name space of its own (ProtectSystem and the like)
// is left out, because not every system gives one to users.
const unitText = `# Put it into ~/.config/systemd/user/earshot.service, then:
#   systemctl --user daemon-reload && systemctl --user enable --now earshot
# To let it run while you are not logged in: loginctl enable-linger
[Unit]
Description=earshot, a chat for everybody on this LAN

[Service]
ExecStart=%s
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
TimeoutStopSec=10
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`

// printUnit prints the unit of a daemon with the flags of this command line.
func (o *options) printUnit(cmd *cobra.Command) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if strings.Contains(exe, string(filepath.Separator)+"go-build") {
		fmt.Fprintln(cmd.ErrOrStderr(), "earshot: this executable is gone when 'go run' ends: go build or go install it first")
	}
	words := []string{exe, "daemon"}
	seen := map[string]string{"profile": "EARSHOT_PROFILE", "home": "EARSHOT_HOME"} // here, but not by the daemon
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed && os.Getenv(seen[f.Name]) == "", f.Name == "print-unit":
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name+"="+f.Value.String())
		case f.Name == "home": // check has made it absolute
			words = append(words, "--home", o.home)
		case f.Name == "trace":
			if abs, err := filepath.Abs(o.trace); err == nil {
				words = append(words, "--trace", abs)
			}
		default:
			values := []string{f.Value.String()}
			if list, ok := f.Value.(pflag.SliceValue); ok {
				values = list.GetSlice()
			}
			for _, v := range values {
				words = append(words, "--"+f.Name, v)
			}
		}
	})
	for i, w := range words {
		words[i] = unitWord(w)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), unitText, strings.Join(words, " "))
	return err
}

// unitWord is one argument of ExecStart (systemd.service(5), "COMMAND LINES"): % and $ are special even within quotes.
func unitWord(s string) string {
	s = strings.NewReplacer("%", "%%", "$", "$$").Replace(s)
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\;") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}
