//go:build !linux

package lan

func exactAlarm(func()) *Alarm { return nil }
