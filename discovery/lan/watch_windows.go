package lan

// tell gives no hints: here the interfaces are only looked at regularly.
func tell() (told <-chan struct{}, stop func()) { return nil, func() {} }
