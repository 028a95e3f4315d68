package discovery_test

import (
	"fmt"
	"testing"
)

func TestWakePingsEverybodyAndOnlyAnAnswerCounts(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 1s
		wake
		hear bob at 10.0.0.2
		advance 149ms
		want ping bob by 75ms
		want ping bob by 149ms
		hear bob at 10.0.0.2
		advance 75ms
		want ping bob
		life bob
		hear bob at 10.0.0.2
		advance 2.9s`)
}

func TestAfterWakeThereIsFourTimesThePatience(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		wake
		advance 7.1s
		want 95 ping bob
		advance 1s
		want ping bob
		want offline bob`)
}

func TestAfterASleepNobodyIsGoneBeforeTheyWereAsked(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 3.5s
		want 7 ping bob
		sleep 1h
		want ping bob
		advance 5s
		want 66 ping bob
		life bob
		want live bob
		advance 2.9s`)
}

func TestALittleLatenessGivesALittleMoreTime(t *testing.T) {
	run(t, `
		proven bob at 10.0.0.2
		advance 3.5s
		want 7 ping bob
		sleep 600ms
		want ping bob
		advance 2s
		want 24 ping bob
		want offline bob`)
}

// When many leave a large LAN the patience with the others shrinks at once. That is no lateness of one's own.
func TestADepartureOfManyIsNoLateness(t *testing.T) {
	proven, left := "", ""
	for i := range 150 {
		proven += fmt.Sprintf("proven p%d at 10.1.0.%d\n", i, i+1)
		left += fmt.Sprintf("left p%d\n", i)
	}
	run(t, proven+`
		proven bob at 10.0.0.2
		advance 8s
		`+left+`
		advance 2s
		want 24 ping bob
		want offline bob by 1.8s`)
}

func TestWakeLetsFailuresBeTriedAgain(t *testing.T) {
	run(t, `
		hear bob at 10.0.0.2
		advance 50ms
		want connect bob
		failed bob
		advance 1s
		wake
		advance 1s
		hear bob at 10.0.0.2
		advance 0s
		want connect bob`)
}
