package lan_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"earshot/discovery/lan"
)

func TestAlarmRings(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, exact := range []bool{true, false} {
		a := lan.NewAlarm(exact, func() {})
		rings := func(what string) {
			t.Helper()
			select {
			case <-a.C:
			case <-time.After(patience):
				t.Fatalf("exact %v: no ring %s", exact, what)
			}
		}
		began := time.Now()
		a.Set(20 * time.Millisecond)
		if rings("after a while"); time.Since(began) < 20*time.Millisecond {
			t.Errorf("exact %v: rings after %v", exact, time.Since(began))
		}
		a.Set(time.Hour)
		a.Set(time.Millisecond)
		rings("at the time set last")
		a.Set(0)
		rings("at once")
		a.Set(-time.Second)
		rings("in the past")
		a.Set(time.Hour)
		a.Stop()
		select {
		case <-a.C:
			t.Errorf("exact %v: rings too often", exact)
		default:
		}
	}
}

func TestAlarmOfTheTimePackage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := lan.NewAlarm(false, func() {}), time.Now()
		defer a.Stop()
		a.Set(time.Hour)
		a.Set(time.Minute)
		if <-a.C; time.Since(began) != time.Minute {
			t.Errorf("rings after %v", time.Since(began))
		}
	})
}

// BenchmarkAlarm tells how late it rings in a program that does nothing else.
func BenchmarkAlarm(b *testing.B) {
	for _, exact := range []bool{true, false} {
		for _, d := range []time.Duration{100 * time.Microsecond, 1200 * time.Microsecond} {
			b.Run(fmt.Sprintf("exact=%v/%v", exact, d), func(b *testing.B) {
				a := lan.NewAlarm(exact, func() {})
				defer a.Stop()
				var late []time.Duration
				b.ReportAllocs()
				for b.Loop() {
					began := time.Now()
					a.Set(d)
					<-a.C
					late = append(late, time.Since(began)-d)
				}
				slices.Sort(late)
				b.ReportMetric(float64(late[len(late)/2].Microseconds()), "late-p50-µs")
				b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "late-p99-µs")
			})
		}
	}
}
