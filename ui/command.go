package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"earshot/peer"
	"earshot/protocol"
)

// command is one row of the table of commands. /help, F1 and Tab are made from the same table.
type command struct {
	name string
	args string // as help shows them
	help string
	kind string // what Tab completes after it: "person", "room" or ""
	do   func(w *window, c *conv, rest string) error
}

// usageError is a line that was refused at once: it stays in the composer.
type usageError string

func (e usageError) Error() string { return string(e) }

// commands is the table of commands.
func commands() []command {
	return []command{
		{"msg", "NAME TEXT", "say something to one person", "person", (*window).cmdMsg},
		{"query", "NAME", "open the conversation with one person", "person", (*window).cmdQuery},
		{"join", "#ROOM", "enter a public room", "room", (*window).cmdJoin},
		{"part", "[#ROOM]", "leave a room, or close this conversation", "room", (*window).cmdPart},
		{"rooms", "[NAME]", "the public rooms of this LAN; Enter goes there", "", (*window).cmdRooms},
		{"topic", "[TEXT]", "what this room is about; with a text: set it; -clear: take it away", "", (*window).cmdTopic},
		{"nick", "NAME", "change your name", "", (*window).cmdNick},
		{"me", "TEXT", "say what you do: /me waves", "", (*window).cmdMe},
		{"search", "[QUERY]", "find what was said: words, \"a phrase\", from:NAME, in:ROOM, before:DATE, after:DATE", "", (*window).cmdSearch},
		{"details", "", "who has your last line, or the chosen one, and since when", "", (*window).cmdDetails},
		{"readmarks", "on|off", "tell how far you have read a direct conversation, and be told, where both want it", "", (*window).cmdReadMarks},
		{"names", "", "who is in this room", "", (*window).cmdNames},
		{"whois", "NAME", "key, address and round trip of a person", "person", (*window).cmdWhois},
		{"clear", "", "empty the view; scrolling up brings it back", "", (*window).cmdClear},
		{"forget", "[NAME]", "leave a conversation and delete it on this device", "room", (*window).cmdForget},
		{"help", "", "keys and commands", "", func(w *window, _ *conv, _ string) error { w.openHelp(); return nil }},
		{"quit", "", "leave", "", func(w *window, _ *conv, _ string) error { w.quit(nil); return nil }},
	}
}

// parse tells a command from a text to say: "//x" says "/x".
func parse(line string) (name, rest string, isCommand bool) {
	if !strings.HasPrefix(line, "/") {
		return "", line, false
	}
	if strings.HasPrefix(line, "//") {
		return "", line[1:], false
	}
	name, rest, _ = strings.Cut(line[1:], " ")
	return strings.ToLower(name), strings.TrimSpace(rest), true
}

// enter sends what is in the composer, or does what it commands. What is refused stays there.
func (w *window) enter() {
	c := w.m.current
	text := c.draft.text
	name, rest, isCommand := parse(text)
	if strings.TrimSpace(text) == "" {
		w.page.timeline.toEnd()
		return
	}
	if rest = strings.TrimRight(rest, " \n"); len(rest) > protocol.MaxText {
		w.page.status.say(tooLong(len(rest)-protocol.MaxText), true)
		return
	}
	if c == w.m.nowhere && (!isCommand || !w.m.ready) {
		why := "you are in no room, and the line stays here: /join #lobby"
		if !w.m.ready {
			why = "still starting, and the line stays here"
		}
		w.page.status.say(why, true)
		return
	}
	if !isCommand {
		w.say(c, text, target(c), rest, false)
		return
	}
	i := slices.IndexFunc(w.commands, func(x command) bool { return x.name == name })
	if i < 0 {
		w.page.status.say(w.unknown(name), true)
		return
	}
	w.typed = text
	c.sent(text)
	err := error(usageError("/" + name + " stands alone: nothing may follow it"))
	if w.commands[i].args != "" || rest == "" {
		err = w.commands[i].do(w, c, rest)
	}
	if err != nil {
		w.refused(c, text, err)
	}
}

// unknown names the command that may have been meant.
func (w *window) unknown(name string) string {
	best, d := "", 3
	for _, x := range w.commands {
		n := distance(name, x.name)
		if strings.HasPrefix(x.name, name) && name != "" {
			n = min(n, 1)
		}
		if n < d {
			best, d = x.name, n
		}
	}
	if best == "" {
		return fmt.Sprintf("there is no command /%s; /help lists them, and //%s sends it as a text", name, name)
	}
	return fmt.Sprintf("there is no command /%s; did you mean /%s?", name, best)
}

// distance is how many letters must be changed, added, taken away or swapped with their neighbour.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
		for j := range rows[i] {
			if i == 0 {
				rows[i][j] = j
				continue
			}
			if j == 0 {
				continue
			}
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

// target is how the chat finds a conversation, without doubt.
func target(c *conv) string {
	if c.room.Direct() {
		return c.room.With.String()
	}
	return c.room.Name
}

// say stores and sends a text; typed is what the composer gets back if that fails.
func (w *window) say(c *conv, typed, to, text string, action bool) {
	ok := w.call(func(ctx context.Context) func() {
		_, err := w.chat.Say(ctx, to, text, action)
		return func() {
			if err != nil {
				w.refused(c, typed, err)
			}
		}
	})
	c.sent(typed)
	if !ok {
		w.refused(c, typed, usageError("too much is waiting to be stored: the line stays here"))
		return
	}
	w.page.timeline.toEnd()
}

// refused gives a line back to the composer, unless something else is being written there by now.
func (w *window) refused(c *conv, typed string, err error) {
	why := reason(err)
	if c.draft.text == "" {
		c.draft.set(typed)
		if n := len(c.history); n > 0 && c.history[n-1] == typed {
			c.history = c.history[:n-1]
			c.recall = len(c.history)
		}
	} else {
		why += " (Up brings the line back)"
	}
	w.page.status.say(why, true)
}

// reason is an error as one tells it to a person: without the names of packages, and with what to do.
func reason(err error) string {
	why := err.Error()
	for _, prefix := range []string{"peer: ", "control: "} {
		why = strings.TrimPrefix(why, prefix)
	}
	switch {
	case errors.Is(err, peer.ErrClosed):
		why = "the earshot behind this screen has ended"
	case errors.Is(err, peer.ErrUnknown):
		why += "; Ctrl+G lists who is here"
	case errors.Is(err, peer.ErrAmbiguous):
		why += "; Tab completes to the one that is meant"
	}
	return why
}

func (w *window) cmdMe(c *conv, rest string) error {
	if rest == "" {
		return usageError("what do you do? /me waves")
	}
	w.say(c, w.typed, target(c), rest, true)
	return nil
}

// who takes the name of a person from the front of a text; names may have spaces, so the longest known one wins.
func (w *window) who(rest string) (who, text string) {
	low := strings.ToLower(rest)
	for _, p := range w.m.people {
		for _, name := range []string{w.m.label(p.ID, p.Name), safeName(p.Name)} {
			n := strings.ToLower(name)
			if len(name) > len(who) && len(n) == len(name) && strings.HasPrefix(low, n) && (len(low) == len(n) || low[len(n)] == ' ') {
				who = rest[:len(name)]
			}
		}
	}
	if who == "" {
		who, _, _ = strings.Cut(rest, " ")
	}
	text = strings.TrimSpace(rest[len(who):])
	for _, p := range w.m.people { // a label on the screen is one person: let the chat have no doubt
		if strings.EqualFold(w.m.label(p.ID, p.Name), who) {
			return p.ID.String(), text
		}
	}
	return who, text
}

func (w *window) cmdMsg(c *conv, rest string) error {
	if strings.HasPrefix(rest, "#") {
		room, text, _ := strings.Cut(rest, " ")
		if text == "" {
			return usageError("and what? /msg NAME TEXT")
		}
		w.say(c, w.typed, room, text, false)
		return nil
	}
	who, text := w.who(rest)
	if who == "" || text == "" {
		return usageError("to whom, and what? /msg NAME TEXT")
	}
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		room, err := w.chat.Query(ctx, who)
		if err == nil {
			_, err = w.chat.Say(ctx, room.With.String(), text, false)
		}
		return func() {
			if err != nil {
				w.refused(c, typed, err)
				return
			}
			to := w.m.open(room)
			w.load(to)
			if to != w.m.current {
				hint := ""
				if i := slices.Index(w.m.convs, to); i < 9 {
					hint = fmt.Sprintf("; Alt+%d goes there", i+1)
				}
				w.page.status.say("said to "+w.m.title(to)+hint, false)
			}
		}
	})
	return nil
}

// enterRoom goes where a call of the chat leads.
func (w *window) enterRoom(c *conv, call func(context.Context) (peer.Room, error)) error {
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		room, err := call(ctx)
		return func() {
			if err != nil {
				w.refused(c, typed, err)
				return
			}
			w.show(w.m.open(room))
		}
	})
	return nil
}

func (w *window) cmdQuery(c *conv, rest string) error {
	if rest == "" {
		return usageError("with whom? /query NAME")
	}
	who, text := w.who(rest)
	if text != "" {
		return usageError("/query takes a name alone; /msg NAME TEXT says something")
	}
	return w.enterRoom(c, func(ctx context.Context) (peer.Room, error) { return w.chat.Query(ctx, who) })
}

func (w *window) cmdJoin(c *conv, rest string) error {
	if rest == "" {
		return usageError("which room? /join #go")
	}
	if !strings.HasPrefix(rest, "#") {
		rest = "#" + rest
	}
	return w.enterRoom(c, func(ctx context.Context) (peer.Room, error) { return w.chat.Join(ctx, rest) })
}

func (w *window) cmdPart(c *conv, rest string) error {
	if rest == "" && c.room.Direct() {
		w.m.close(c.room.ID)
		w.load(w.m.current)
		return nil
	}
	if rest == "" {
		rest = c.room.Name
	}
	if !strings.HasPrefix(rest, "#") {
		rest = "#" + rest
	}
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		err := w.chat.Part(ctx, rest)
		return func() {
			if err != nil {
				w.refused(c, typed, err)
			}
		}
	})
	return nil
}

func (w *window) cmdNick(c *conv, rest string) error {
	if rest == "" {
		return usageError("you are " + safeName(w.m.self.Name) + "; /nick NAME changes that")
	}
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		err := w.chat.Rename(ctx, rest)
		return func() {
			if err != nil {
				w.refused(c, typed, err)
			}
		}
	})
	return nil
}

func (w *window) cmdClear(c *conv, _ string) error {
	c.clear()
	return nil
}
