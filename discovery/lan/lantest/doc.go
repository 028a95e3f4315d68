// Package lantest gives a test a LAN of its own: hosts, each a network namespace of the Linux kernel, joined by one bridge.
// What is sent there goes through real sockets and a real network stack, and nothing leaves for any other network.
// It is test support: only tests import it.
//
//	func TestMain(m *testing.M) { lantest.Main(m, map[string]func(){"earshot": main}) }
//
//	func TestTalk(t *testing.T) {
//		l := lantest.New(t, 3)                  // hosts 1, 2 and 3 at 10.77.0.1/24 to 10.77.0.3/24, interface eth0
//		l.Loss(2, 30)                           // percent of the UDP datagrams that arrive at host 2
//		cmd := l.Command(1, "earshot", "send")  // a program, or a function given to Main, on host 1
//		...
//		l.In(3, func() { conn, err = lan.Listen(0) })  // a socket of this process on host 3
//	}
//
// No root is needed: without the right to make namespaces, Main starts the test binary once more, as root of a new user
// namespace. Where the kernel refuses that as well, New skips the test with the words "LAN test skipped".
// Loss needs the program nft.
//
// The namespaces have no names. They are gone when the test has ended, however it ended.
package lantest

// The words by which a run of tests can be searched for LAN tests that could not be.
const skipped = "LAN test skipped: "
