//go:build !linux

package lan

func exactAlarm() *Alarm { return nil }
