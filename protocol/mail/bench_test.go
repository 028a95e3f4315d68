package mail

import "testing"

func BenchmarkSeal(b *testing.B) {
	bob := owns(b, "bob")
	to, place := bob.tells(), bob.from("alice", 7)
	for b.Loop() {
		if _, err := Seal(to, place, 1, "alice", "a line of usual length, as people write them"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	bob := owns(b, "bob")
	place := bob.from("alice", 7)
	body, err := Seal(bob.tells(), place, 1, "alice", "a line of usual length, as people write them")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, _, err := Open(bob.ring, place, body); err != nil {
			b.Fatal(err)
		}
	}
}
