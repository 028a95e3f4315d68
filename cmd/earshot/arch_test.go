package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house has five floors, and imports go downward only.
var floors = []string{"protocol", "discovery", "peer", "ui", "cmd"}

func floor(pkg string) int { return slices.Index(floors, strings.Split(pkg, "/")[0]) }

// under tells whether pkg is dir or inside of it.
func under(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// pure packages take bytes and the time, and give bytes and deadlines.
func pure(pkg string) bool {
	return under(pkg, "protocol") || under(pkg, "discovery") && !under(pkg, "discovery/lan")
}

// impure is what would let a pure package notice the world.
var impure = []string{"os", "net", "sync", "syscall", "runtime", "unsafe", "log", "context", "crypto/rand", "math/rand", "golang.org/x/sys", "golang.org/x/net"}

var (
	clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Sleep", "Tick"}
	// seeded is what of math/rand/v2 does not draw from the global source.
	seeded = []string{"New", "NewChaCha8", "NewPCG", "Rand", "ChaCha8", "PCG", "Source", "Zipf", "NewZipf"}
	// shell is the part of peer that has a clock: the core takes the time as an argument.
	shell = []string{"node.go", "loop.go", "socket.go", "queue.go", "control.go", "remote.go"}
)

// forbidden says why a file of pkg must not import imp, a path within the module or of others; "" if it may.
func forbidden(pkg, imp string, own, test bool) string {
	if !own {
		switch {
		case pure(pkg) && !test && imp != "net/netip" && imp != "math/rand/v2" && slices.ContainsFunc(impure, func(i string) bool { return under(imp, i) }):
			return "this floor is pure"
		case under(pkg, "ui") && (imp == "net" || under(imp, "net/http")):
			return "the screen has no network"
		}
		return ""
	}
	switch {
	case floor(imp) > floor(pkg):
		return "imports go downward only"
	case under(imp, "cmd"):
		return "nobody imports a command"
	case under(imp, "discovery/lan/lantest") && !test && !under(pkg, imp):
		return "it is for tests"
	case under(pkg, "discovery/lan") && under(imp, "protocol"):
		return "the network seam carries bytes and knows no protocol"
	case under(pkg, "discovery/lan") && imp == "discovery":
		return "the network seam does not know what for"
	case under(pkg, "protocol") && !under(imp, "protocol"):
		return "protocol is the ground floor"
	case pkg == "peer" && under(imp, "peer/store") && !test:
		return "the store is a seam"
	case under(pkg, "peer/store") && imp == "peer":
		return "the store serves the protocol's interface"
	case under(pkg, "ui") && !under(imp, "ui") && imp != "peer" && imp != "protocol" && !test:
		return "the screen knows peer.Chat and the names of things only"
	}
	return ""
}

// source is one Go file of the module.
type source struct {
	pkg, file string
	test      bool
	ast       *ast.File
	at        func(ast.Node) string
}

func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	files := token.NewFileSet()
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != root && (base[0] == '.' || base == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(base) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		all = append(all, source{
			path.Dir(filepath.ToSlash(rel)), base, strings.HasSuffix(base, "_test.go"), f,
			func(n ast.Node) string { return files.Position(n.Pos()).String() },
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportsGoDownward(t *testing.T) {
	seen := map[int]bool{}
	for _, s := range sources(t) {
		seen[floor(s.pkg)] = true
		for _, i := range s.ast.Imports {
			imp, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			within, own := strings.CutPrefix(imp, "earshot/")
			if why := forbidden(s.pkg, within, own, s.test); why != "" {
				t.Errorf("%s: %s imports %s: %s", s.at(i), s.pkg, imp, why)
			}
		}
	}
	for n, name := range floors {
		if !seen[n] {
			t.Errorf("no file of %s was read", name)
		}
	}
}

func TestPureFloorsHaveNoClockAndNoGoroutine(t *testing.T) {
	for _, s := range sources(t) {
		core := s.pkg == "peer" && !slices.Contains(shell, s.file)
		if s.test || !pure(s.pkg) && !core {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine in %s", s.at(n), s.pkg)
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					t.Errorf("%s: time.%s in %s, where the time is an argument", s.at(n), n.Sel.Name, s.pkg)
				}
				if ok && x.Name == "rand" && imports(s.ast, "math/rand/v2") && !slices.Contains(seeded, n.Sel.Name) {
					t.Errorf("%s: rand.%s in %s, where randomness is given", s.at(n), n.Sel.Name, s.pkg)
				}
			}
			return true
		})
	}
}

func imports(f *ast.File, name string) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(name) })
}

func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' && !slices.Contains(floors, e.Name()) {
			t.Errorf("a folder %s beside the five floors", e.Name())
		}
	}
}

// The table itself must be able to fail.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		pkg, imp string
		own      bool
		may      bool
	}{
		{"protocol/session", "protocol/frame", true, true},
		{"protocol", "discovery", true, false},
		{"protocol", "net/netip", false, true},
		{"protocol", "net", false, false},
		{"protocol/replica", "sync/atomic", false, false},
		{"discovery", "os", false, false},
		{"discovery", "protocol", true, true},
		{"discovery/lan", "net", false, true},
		{"discovery/lan", "protocol", true, false},
		{"discovery/lan/sim", "protocol/frame", true, false},
		{"peer", "discovery/lan", true, true},
		{"peer", "peer/store", true, false},
		{"peer/store", "peer", true, false},
		{"peer/store", "protocol/replica", true, true},
		{"peer", "discovery/lan/lantest", true, false},
		{"ui", "peer", true, true},
		{"ui", "protocol/session", true, false},
		{"ui", "net", false, false},
		{"ui", "discovery", true, false},
		{"cmd/earshot", "ui", true, true},
		{"cmd/earshot", "cmd/other", true, false},
	} {
		if may := forbidden(c.pkg, c.imp, c.own, false) == ""; may != c.may {
			t.Errorf("%s may import %s: %v, want %v", c.pkg, c.imp, may, c.may)
		}
	}
}
