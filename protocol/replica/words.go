package replica

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord bounds a word that is searched for, so that a key or a picture somebody pasted does not fill the index. Runes.
const maxWord = 64

// alone is the scripts that put no space between words: each character is a word, and a search for several is one for
// a phrase.
var alone = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// Words is what a search sees of a text: its runs of letters and digits, and its pictures one by one, in lower case,
// without accents, and alike however they are encoded (Unicode's NFKD).
func Words(text string) []string {
	var words []string
	var word strings.Builder
	runes := 0
	end := func() {
		if runes > 0 {
			words = append(words, word.String())
			word.Reset()
			runes = 0
		}
	}
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(text, " ")) { // what is not UTF-8 would hide what follows from NFKD
		switch {
		case r < utf8.RuneSelf && !isAlphanumeric(r):
			end()
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // accents, and what only joins
		case unicode.In(r, unicode.L, unicode.N, unicode.Mc, unicode.So):
			single := r >= utf8.RuneSelf && (unicode.Is(unicode.So, r) || unicode.In(r, alone...))
			if single {
				end()
			}
			if runes < maxWord {
				word.WriteRune(unicode.ToLower(r))
				runes++
			}
			if single {
				end()
			}
		default:
			end()
		}
	}
	end()
	return words
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
