// Package ui is the terminal screen of earshot: a thin view of a peer.Chat.
//
// Events come in by one goroutine, the pump, which pulls them from the feed in batches, gives them to the model
// and has the screen drawn once for each batch. What the person does goes out as calls of the chat, one after the
// other, by a second goroutine, so that neither a slow disk nor a slow screen stops the keys. All state belongs to
// tview's loop. The model is pure: what it shows is made of events alone.
//
// Everything that comes from others is made harmless by Safe on its way into the model, and drawn as cells:
// no text is ever read as markup.
package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"earshot/peer"
)

// Options are the seams and the choices of a screen. The zero value is the real terminal.
type Options struct {
	Screen   tcell.Screen     // initialised already; Run finalises it. nil: the terminal
	Now      func() time.Time // nil: time.Now
	Location *time.Location   // nil: time.Local
	NoColor  bool             // two weights only. The environment's NO_COLOR says the same
	ASCII    bool             // no glyph outside of ASCII
	Notes    []string         // sentences to show at the start

	// Again tries once to reach a chat again that has ended, so that the screen can stay. nil: there is no way to it.
	Again func(context.Context) error
}

const (
	// redrawPause is the least time between two redraws that events cause.
	redrawPause = time.Second / 30
	// pageSize is how many messages are read from the history at a time.
	pageSize = 200
	// maxCalls is how many calls may wait for the chat.
	maxCalls = 256
	// messageTime is how long a message hides the status line that is about nothing bad.
	messageTime = 5 * time.Second
	// farewell is how long quitting waits for lines that were just said.
	farewell = time.Second
	// againPause is how long to wait before the next try to reach a chat that has ended.
	againPause = 500 * time.Millisecond
)

// window is the running screen. All of it but chat, calls and the contexts belongs to tview's loop.
type window struct {
	chat   peer.Chat
	app    *tview.Application
	screen tcell.Screen
	m      *model
	page   *page

	keys     []binding
	commands []command
	byKey    map[string]func(*window)
	tab      *completion
	found    *search
	typed    string // the command line that is being done
	armed    bool   // the last key was Ctrl+C on an empty composer
	title    string
	closing  bool

	ctx    context.Context
	cancel context.CancelFunc
	calls  chan func(context.Context) func()
	called chan struct{} // closed when the last call has returned
	again  func(context.Context) error
	wg     sync.WaitGroup
	once   sync.Once
	err    error
}

// Run shows chat until the person quits (nil), ctx ends (nil), or the chat or the terminal goes (an error).
func Run(ctx context.Context, chat peer.Chat, o Options) error {
	if o.Screen == nil {
		scr, err := tcell.NewScreen()
		if err == nil {
			err = scr.Init()
		}
		if err != nil {
			return fmt.Errorf("ui: no terminal to draw on: %w", err)
		}
		o.Screen = scr
		o.NoColor = o.NoColor || os.Getenv("NO_COLOR") != ""
	}
	return newWindow(chat, o).run(ctx)
}

func (w *window) run(ctx context.Context) error {
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer w.cancel()
	defer context.AfterFunc(ctx, func() { w.quit(nil) })()
	w.wg.Go(w.pump)
	w.wg.Go(w.caller)
	if err := w.app.Run(); err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	return w.err
}

func newWindow(chat peer.Chat, o Options) *window {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	th := newTheme(o)
	m := newModel(o.Now, o.Location, th.g)
	m.notes = o.Notes
	w := &window{
		chat: chat, app: tview.NewApplication(), screen: &watched{Screen: o.Screen}, m: m, page: newPage(m, th),
		keys: keys(), commands: commands(), again: o.Again,
		calls: make(chan func(context.Context) func(), maxCalls), called: make(chan struct{}),
	}
	w.byKey = keyTable(w.keys)
	t := w.page.timeline
	t.older, t.newer, t.newest, t.jump = w.older, w.newer, w.newest, w.jump
	w.page.paste = w.paste
	w.page.status.fade = func(number int) {
		w.after(messageTime, func() bool {
			gone := w.page.status.number == number && w.page.status.message != ""
			if gone {
				w.page.status.clear()
			}
			return gone
		})
	}
	w.screen.EnablePaste()
	w.screen.EnableFocus()
	w.app.SetScreen(w.screen).EnablePaste(true).SetRoot(w.page, true).SetInputCapture(w.key)
	return w
}

// pump takes events to the screen, over and over if the chat can be reached again.
func (w *window) pump() {
	for {
		err := w.follow()
		if w.ctx.Err() != nil {
			return
		}
		if w.again == nil || !errors.Is(err, peer.ErrClosed) {
			w.quit(fmt.Errorf("ui: %w", err))
			return
		}
		w.reach()
	}
}

// reach tries to reach the chat again until that succeeds, and says what is in the way.
func (w *window) reach() {
	for told := ""; w.ctx.Err() == nil; {
		err := w.again(w.ctx)
		if err == nil {
			return
		}
		if told != err.Error() {
			told = err.Error()
			w.update(func() bool { return w.m.apply(peer.Note{Text: reason(err), Trouble: true}) })
		}
		select {
		case <-time.After(againPause):
		case <-w.ctx.Done():
		}
	}
}

// follow takes events to the screen, one redraw for each batch, until there are no more.
func (w *window) follow() error {
	feed, err := w.chat.Feed(w.ctx)
	if err != nil {
		return err
	}
	defer feed.Close()
	for {
		events, err := feed.Next(w.ctx)
		if err != nil {
			return err
		}
		w.update(func() bool { return w.apply(events) })
		select {
		case <-time.After(redrawPause):
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
}

// update has f run in tview's loop, and the screen drawn if f tells that it changed. Never call it from there.
func (w *window) update(f func() bool) {
	w.app.QueueUpdate(func() {
		if f() {
			w.retitle()
			w.app.ForceDraw()
		}
	})
}

// caller makes the calls of the chat, in the order in which they were asked for.
func (w *window) caller() {
	defer close(w.called)
	for call := range w.calls {
		done := call(w.ctx)
		w.update(func() bool { done(); return true })
	}
}

// call queues a call; what it returns is run in tview's loop. It is false if too many wait.
func (w *window) call(f func(context.Context) func()) bool {
	if w.closing {
		return false
	}
	select {
	case w.calls <- f:
		return true
	default:
		return false
	}
}

// quit ends Run with err. The loop must still run while the others end, for they may wait for it.
func (w *window) quit(err error) {
	w.once.Do(func() {
		go func() {
			w.app.QueueUpdate(func() {
				if w.looking() {
					w.m.left = append(w.m.left, w.m.current)
				}
				for _, c := range w.m.left {
					w.tellRead(c)
				}
				w.closing, w.err = true, err
				close(w.calls)
			})
			select {
			case <-w.called:
			case <-time.After(farewell):
			}
			w.cancel()
			w.wg.Wait()
			w.app.Stop()
		}()
	})
}

func (w *window) apply(events []peer.Event) bool {
	changed := false
	for _, e := range events {
		changed = w.m.apply(e) || changed
		if d, open := w.page.overlay.(*details); open {
			d.happened(e)
		}
	}
	for _, c := range w.m.convs {
		w.load(c)
	}
	if c := w.m.current; w.looking() { // what is in sight needs no word, unless it is among what was read
		c.forgetLate(func(l *line) bool {
			return w.page.timeline.sees(l) && (!c.marked || l.place.Compare(c.mark) >= 0)
		})
	}
	w.tellLeft()
	if w.m.resync {
		w.m.resync = false
		w.reread()
	}
	if w.m.bell {
		w.m.bell = false
		_ = w.screen.Beep() // a terminal without a bell is no trouble
	}
	return changed
}

// background has read run aside and what it returns in the loop.
func (w *window) background(read func(context.Context) func()) {
	if w.closing {
		return
	}
	w.wg.Go(func() {
		done := read(w.ctx)
		w.update(func() bool { done(); return true })
	})
}

// errNoTerminal ends Run when the terminal goes away under it.
var errNoTerminal = errors.New("ui: the terminal has gone")

// key is every key, before tview sees it.
func (w *window) key(ev *tcell.EventKey) *tcell.EventKey {
	defer w.retitle()
	defer w.tellLeft()
	switch ev.Key() {
	case keyFocus, keyBlur:
		w.m.focus(ev.Key() == keyFocus)
		return nil
	case keyBroken:
		w.quit(errNoTerminal)
		return nil
	}
	if w.m.unfocused { // whoever types looks, whatever the terminal says
		w.m.focus(true)
	}
	if w.looking() {
		w.m.current.forgetLate(w.page.timeline.sees)
	}
	name := keyName(ev)
	w.page.status.clear()
	if name != "Tab" && name != "Shift+Tab" {
		w.tab = nil
	}
	if name != "Ctrl+C" {
		w.armed = false
	}
	if w.page.overlay != nil && w.page.overlay.key(name, ev) {
		return nil
	}
	if do := w.byKey[name]; do != nil {
		do(w)
	} else if ev.Key() == tcell.KeyRune && ev.Modifiers()&(tcell.ModAlt|tcell.ModCtrl) == 0 {
		switch w.page.overlay.(type) {
		case *help, *details:
			w.closeOverlay()
		}
		w.page.composer.editor().insert(string(ev.Rune()))
	}
	if s, open := w.page.overlay.(*search); open {
		s.typed()
	}
	return nil
}

// looking tells whether the conversation is being looked at.
func (w *window) looking() bool {
	_, selecting := w.page.overlay.(*selection)
	return !w.m.unfocused && (w.page.overlay == nil || selecting)
}

// retitle names the conversation and what is unread in the terminal's title.
func (w *window) retitle() {
	unread := 0
	for _, c := range w.m.convs {
		unread += c.unread
	}
	title := "earshot " + w.m.title(w.m.current)
	if unread > 0 {
		title = fmt.Sprintf("(%d) %s", unread, title)
	}
	if title != w.title {
		w.title = title
		w.screen.SetTitle(title)
	}
}
