package protocol

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSpecListsAllVectors: a file that the specification does not name is found by nobody.
func TestSpecListsAllVectors(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.Contains(string(spec), "| `"+f.Name()+"` |") {
			t.Errorf("SPEC.md does not name %s", f.Name())
		}
	}
}

// vector is one golden value of testdata/vectors: lines of comment, lines of hexadecimal, and a line of expectation.
type vector struct {
	File    string
	Comment string
	Data    []byte
	Want    string
}

// ReadVectors is readVectors for the tests that import the packages below.
var ReadVectors = readVectors

// readVectors reads the vectors of the named files, or of all.
func readVectors(t testing.TB, names ...string) []vector {
	t.Helper()
	if len(names) == 0 {
		names = []string{"*"}
	}
	var all []vector
	for _, name := range names {
		files, err := filepath.Glob(filepath.Join("testdata", "vectors", name+".txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("vectors %s: %v", name, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, parseVectors(t, file, string(b))...)
		}
	}
	return all
}

func parseVectors(t testing.TB, file, text string) []vector {
	t.Helper()
	var all []vector
	v := vector{File: file}
	for i, l := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(l, "#"):
			v.Comment = strings.TrimSpace(v.Comment + " " + strings.TrimSpace(l[1:]))
		case strings.HasPrefix(l, "= "):
			v.Want = l[2:]
			all = append(all, v)
			v = vector{File: file}
		case strings.TrimSpace(l) == "":
			v.Comment = ""
		default:
			b, err := hex.DecodeString(strings.ReplaceAll(l, " ", ""))
			if err != nil {
				t.Fatalf("%s:%d: %v", file, i+1, err)
			}
			v.Data = append(v.Data, b...)
		}
	}
	return all
}
