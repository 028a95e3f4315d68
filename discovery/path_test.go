package discovery_test

import "testing"

func TestAnAnnouncementFromElsewhereIsAChallengeAndNoSwitch(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		hear bob at 10.0.0.9
		want paths bob 10.0.0.2/2
		advance 0s
		want challenge bob at 10.0.0.9 via 2
		want paths bob 10.0.0.2/2
		moved bob at 10.0.0.9
		want paths bob 10.0.0.9/2 10.0.0.2/2
		hear bob at 10.0.0.9
		hear bob at 10.0.0.2
		advance 1s`)
}

func TestAnUnansweredChallengeIsRepeatedEverMoreRarely(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		hear bob at 10.0.0.9
		hear bob at 10.0.0.9
		advance 0.9s
		want challenge bob by 0s
		hear bob at 10.0.0.9
		advance 0.2s
		hear bob at 10.0.0.9
		advance 1s
		want challenge bob by 0s
		life bob
		hear bob at 10.0.0.9
		advance 0.8s
		hear bob at 10.0.0.9
		advance 0.3s
		hear bob at 10.0.0.9
		advance 0s
		want challenge bob by 0s`)
}

func TestInventedAddressesMakeFewChallenges(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		hear bob at 10.0.0.11
		hear bob at 10.0.0.12
		hear bob at 10.0.0.13
		hear bob at 10.0.0.14
		hear bob at 10.0.0.15
		hear bob at 10.0.0.16
		advance 1s
		want challenge bob at 10.0.0.11
		want challenge bob at 10.0.0.12
		want challenge bob at 10.0.0.13
		want challenge bob at 10.0.0.14
		hear bob at 10.0.0.17
		advance 1.9s
		want paths bob 10.0.0.2/2`)
}

// Two interfaces on one LAN: every announcement comes twice.
func TestTwoInterfacesAreOneEntryWithTwoPaths(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2 via 2
		hear bob at 10.0.0.2 via 3
		want n 1
		advance 50ms
		want connect bob at 10.0.0.2 via 2
		proven bob at 10.0.0.2 via 2
		hear bob at 10.0.0.2 via 2
		hear bob at 10.0.0.2 via 3
		advance 1ms
		want challenge bob at 10.0.0.2 via 3
		life bob at 10.0.0.2 via 3
		want n 1
		want paths bob 10.0.0.2/2 10.0.0.2/3
		hear bob at 10.0.0.2 via 2
		hear bob at 10.0.0.2 via 3
		advance 1s`)
}

func TestASilentPathGivesWayToOneThatAnswers(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2 via 2
		life bob at 10.0.0.2 via 3
		advance 3.08s
		want ping bob at 10.0.0.2 via 2
		want ping bob at 10.0.0.2 via 2
		want ping bob at 10.0.0.2 via 3
		life bob at 10.0.0.2 via 3
		want paths bob 10.0.0.2/3 10.0.0.2/2
		advance 3s
		want ping bob at 10.0.0.2 via 3`)
}

func TestTheFirstOfTwoPathsThatWorkStaysFirst(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2 via 2
		life bob at 10.0.0.2 via 3
		advance 1s
		life bob at 10.0.0.2 via 3
		life bob at 10.0.0.2 via 2
		advance 1s
		life bob at 10.0.0.2 via 3
		want paths bob 10.0.0.2/2 10.0.0.2/3`)
}

func TestAPathThatGivesNoSignIsForgotten(t *testing.T) {
	lives := ""
	for range 12 {
		lives += `
			life bob at 10.0.0.2 via 2
			advance 2s`
	}
	run(t, `
		proven bob at 10.0.0.2 via 2
		life bob at 10.0.0.2 via 3
		want paths bob 10.0.0.2/2 10.0.0.2/3`+lives+`
		want paths bob 10.0.0.2/2`)
}

// Its old address is silent, and it announced itself from a new one when the challenges had long become rare.
func TestASilentPeerIsLookedForWhereItWasAnnounced(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		hear bob at 10.0.0.9
		advance 1s
		want challenge bob at 10.0.0.9
		hear bob at 10.0.0.9
		advance 1s
		want challenge bob at 10.0.0.9
		hear bob at 10.0.0.9
		advance 1.08s
		want 2 ping bob at 10.0.0.2
		want challenge bob at 10.0.0.9
		moved bob at 10.0.0.9
		want paths bob 10.0.0.9/2 10.0.0.2/2`)
}
