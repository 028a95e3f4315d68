package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"earshot/protocol"
)

// text is something to say, or why there is nothing more.
type text struct {
	text string
	err  error
	at   time.Time // when it was to be said
}

// readTexts gives the whole input, or its lines without the empty ones. The channel is closed at the end.
func readTexts(ctx context.Context, input io.Reader, whole bool) <-chan text {
	out := make(chan text)
	give := func(t text) bool {
		t.at = time.Now()
		select {
		case out <- t:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(out)
		if whole {
			b, err := io.ReadAll(input)
			give(text{text: strings.ToValidUTF8(string(b), "\ufffd"), err: err})
			return
		}
		lines := bufio.NewScanner(input)
		lines.Buffer(nil, protocol.MaxText+2)
		for lines.Scan() {
			line := strings.ToValidUTF8(lines.Text(), "\ufffd")
			if strings.TrimSpace(line) != "" && !give(text{text: line}) {
				return
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			give(text{err: fmt.Errorf("a line of the input has more than %d bytes", protocol.MaxText)})
		case err != nil:
			give(text{err: fmt.Errorf("standard input: %w", err)})
		}
	}()
	return out
}
