package discovery_test

import (
	"fmt"
	"testing"
)

func TestNewcomerIsConnectedTo(t *testing.T) {
	for seed := range uint64(50) {
		runSeed(t, seed, `
			hear bob at 10.0.0.2
			advance 50ms
			want connect bob at 10.0.0.2 via 2 by 50ms
			want n 1
			want live
			proven bob at 10.0.0.2
			want live bob
			want paths bob 10.0.0.2/2`)
	}
}

func TestWhoeverProvesThemselvesFirstIsNotConnectedTo(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2
		proven bob at 10.0.0.2
		advance 2.9s
		want live bob`)
}

func TestOneHandshakePerCandidate(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2
		hear bob at 10.0.0.2
		advance 1s
		want connect bob
		hear bob at 10.0.0.2
		advance 1s`)
}

func TestOwnAndUselessAnnouncementsAreRefused(t *testing.T) {
	run(t, `
		hear me at 10.0.0.1
		want refused: own announcement
		hear bob at 0.0.0.0
		want refused: cannot be answered
		hear bob at 224.0.0.1
		want refused: cannot be answered
		hint me at 10.0.0.1
		advance 1m
		want n 0`)
}

func TestFailedHandshakesPauseLongerEachTime(t *testing.T) {
	text := `
		hear bob at 10.0.0.2
		advance 50ms
		want connect bob
		failed bob`
	for _, pause := range []int{5, 10, 20, 40, 60, 60} {
		for ; pause > 15; pause -= 15 { // rarer, and it would be forgotten
			text += `
				advance 15s
				hear bob at 10.0.0.2`
		}
		text += fmt.Sprintf(`
			advance %dms
			hear bob at 10.0.0.2
			advance 998ms
			advance 1ms
			want connect bob
			failed bob`, 1000*pause-999)
	}
	run(t, text)
}

func TestNobodyIsTriedAgainWhoIsNotHeardOf(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2
		advance 50ms
		want connect bob
		failed bob
		advance 10s
		want n 1
		advance 10s
		want n 0
		advance 10m`)
}

func TestAnAttemptThatNobodyEndsIsAFailure(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2
		advance 50ms
		want connect bob
		advance 9s
		hear bob at 10.0.0.2
		advance 2s
		advance 3s
		hear bob at 10.0.0.2
		advance 3s
		want connect bob by 2s`)
}

func TestAlternativeAddressesOfACandidateAreTriedInTurn(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2
		hear bob at 10.1.0.2 via 3
		advance 50ms
		want connect bob at 10.0.0.2 via 2
		failed bob
		advance 4s
		hear bob at 10.1.0.2 via 3
		advance 2s
		want connect bob at 10.1.0.2 via 3`)
}

func TestAHintMakesACandidateToo(t *testing.T) {
	run(t, `
		hint bob at 192.168.7.7
		advance 50ms
		want connect bob at 192.168.7.7
		proven bob at 192.168.7.7
		hint bob at 10.9.9.9
		advance 1s
		want paths bob 192.168.7.7/2`)
}

func TestAHintIsFollowedAFewTimes(t *testing.T) {
	run(t, `
		hint bob at 192.168.7.7
		advance 50ms
		want connect bob at 192.168.7.7
		failed bob
		advance 4.9s
		advance 200ms
		want connect bob at 192.168.7.7
		failed bob
		advance 10.1s
		want connect bob at 192.168.7.7
		failed bob
		advance 20.1s
		want connect bob at 192.168.7.7
		failed bob
		advance 10m
		want n 0`)
}

func TestAKilledPeerIsNoticedWithinFiveSeconds(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 5s
		want 24 ping bob
		want offline bob by 4.8s
		want n 0
		want live`)
}

func TestAnnouncementsPostponeThePing(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 2s
		hear bob at 10.0.0.2
		advance 2s
		hear bob at 10.0.0.2
		advance 2.9s`)
}

func TestAnAnnouncementEndsThePings(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 3.1s
		want 2 ping bob
		hear bob at 10.0.0.2
		advance 2.9s`)
}

func TestAnAnswerEndsThePings(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 3s
		want ping bob by 3s
		life bob
		advance 2.9s
		advance 100ms
		want ping bob`)
}

// Anybody can announce in bob's name. That keeps bob for 10 intervals and not longer.
func TestForgedAnnouncementsDoNotKeepTheDeadAlive(t *testing.T) {
	hears := ""
	for range 19 {
		hears += `
			hear bob at 10.0.0.2
			advance 1s`
	}
	run(t, `proven bob at 10.0.0.2`+hears+`
		advance 1s
		want ping bob by 1s
		hear bob at 10.0.0.2
		advance 1s
		want 13 ping bob
		hear bob at 10.0.0.2
		advance 1s
		want 10 ping bob
		want offline bob`)
}

func TestAForgedAddressDoesNotCountAsLife(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 2s
		hear bob at 10.0.0.66
		advance 1.5s
		want challenge bob at 10.0.0.66
		want 2 ping bob at 10.0.0.2
		want challenge bob at 10.0.0.66
		want 5 ping bob at 10.0.0.2
		life bob`)
}

func TestLeavingIsSeenAtOnceAndALateAnnouncementChangesNothing(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		left bob
		want n 0
		hear bob at 10.0.0.2
		want refused: left
		hint bob at 10.0.0.2
		advance 29s
		hear bob at 10.0.0.2
		want refused: left
		advance 1s
		hear bob at 10.0.0.2
		want n 1
		advance 50ms
		want connect bob`)
}

func TestProofIsStrongerThanATombstone(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		left bob
		proven bob at 10.0.0.2
		hear bob at 10.0.0.2
		want live bob`)
}

func TestALostSessionMayComeBackAtOnce(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		lost bob
		hear bob at 10.0.0.2
		advance 50ms
		want connect bob`)
}

func TestAnOfflinePeerComesBackWithItsNextAnnouncement(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 5s
		want 24 ping bob
		want offline bob
		hear bob at 10.0.0.2
		advance 50ms
		want connect bob at 10.0.0.2
		proven bob at 10.0.0.2
		want live bob`)
}
