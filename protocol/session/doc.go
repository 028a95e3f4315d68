// Package session makes a stranger on the LAN into a proven peer with a secured channel (SPEC section 4).
//
// An [Endpoint] runs the handshakes of one node, Noise_XXpsk0_25519_ChaChaPoly_SHA256, as either side.
// It is a machine: datagrams and the time go in with Receive, Connect and Advance; what is to be sent, what came
// about and what failed comes out with Output; Deadline tells when Advance has something to do.
//
//	initiator                                        responder
//	    | -- 1: e, {own instance, wanted one} -------> |   half open; from CookieFrom of them a cookie is asked for first
//	    | <- 2: e, s, {identity, ciphers, signature} - |
//	    | -- 3: s, {identity, ciphers, signature} ---> |   Session
//	Session                                            |
//	    | <- packet ---------------------------------- |   Confirm: message 3 is repeated no more
//
// A [Session] seals and opens packets, each on its own, in any order, each number once, with the faster [Cipher] if
// both sides have it. Whose session it is has been proven when it is handed out: the identity has signed this
// handshake. An initiator's session works only if message 3 arrived, so a node puts it in the place of another when
// its first packet has been opened.
//
// Nothing that arrives changes an existing session, and an endpoint never ends one: all it does is yield new ones.
package session
