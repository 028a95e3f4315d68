package protocol

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestForeignSuite runs the values of github.com/kawanet/msgpack-test-suite, each of which comes in every encoding that
// msgpack allows it. Of a value that this protocol can say, exactly one encoding passes, the one that Encoder writes; of
// all others none.
func TestForeignSuite(t *testing.T) {
	b, err := os.ReadFile("testdata/msgpack-test-suite.json")
	if err != nil {
		t.Fatal(err)
	}
	var files map[string][]map[string]json.RawMessage
	if err := json.Unmarshal(b, &files); err != nil {
		t.Fatal(err)
	}
	said, unsaid := 0, 0
	for file, values := range files {
		for _, v := range values {
			var encodings []string
			if err := json.Unmarshal(v["msgpack"], &encodings); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			e := NewEncoder()
			ok := false
			switch {
			case v["binary"] != nil:
				var s string
				if err := json.Unmarshal(v["binary"], &s); err != nil {
					t.Fatal(err)
				}
				e.Bin(unhex(t, strings.ReplaceAll(s, "-", "")))
				ok = true
			case v["bignum"] != nil:
				// A string of digits, beside the number where JSON can hold it.
				ok = say(e, json.Number(strings.Trim(string(v["bignum"]), `"`)))
			default:
				for name, raw := range v {
					if name == "msgpack" || name == "ext" || name == "timestamp" {
						continue
					}
					d := json.NewDecoder(bytes.NewReader(raw))
					d.UseNumber()
					var x any
					if err := d.Decode(&x); err != nil {
						t.Fatal(err)
					}
					ok = say(e, x)
				}
			}
			passed := 0
			for _, s := range encodings {
				data := unhex(t, strings.ReplaceAll(s, "-", ""))
				err := Scan(data)
				if err == nil {
					passed++
				}
				if want := ok && bytes.Equal(data, e.Bytes()); want != (err == nil) {
					t.Errorf("%s: %s: %v, want it to pass: %v", file, s, err, want)
				}
			}
			if ok {
				said++
			} else {
				unsaid++
			}
			if ok && passed != 1 {
				t.Errorf("%s: %s: %d encodings pass", file, encodings, passed)
			}
		}
	}
	if said < 30 || unsaid < 30 {
		t.Errorf("only %d and %d values", said, unsaid)
	}
}

// say writes x if it is an unsigned integer, text, or an array of these.
func say(e *Encoder, x any) bool {
	switch x := x.(type) {
	case json.Number:
		var u uint64
		if json.Unmarshal([]byte(x), &u) != nil {
			return false
		}
		e.Uint(u)
		return true
	case string:
		e.Str(x)
		return true
	case []any:
		e.Array(len(x))
		for _, y := range x {
			if !say(e, y) {
				return false
			}
		}
		return true
	}
	return false
}
