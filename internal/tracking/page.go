package tracking

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
)

// page is the part of a list that is asked for. A token is the place where the
// next page begins; most is how much there is of it where nobody says.
func page(length int, token string, asked, most int) (from, until int, next string, err error) {
	if token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > length {
			return 0, 0, "", invalid("Invalid page token: %.40q", token)
		}
	}
	if asked < 0 {
		return 0, 0, "", invalid("Invalid value %d for parameter 'max_results' supplied: it must be at least 1", asked)
	}
	if asked > 0 {
		most = asked
	}
	until = min(length, from+min(most, length))
	if until < length {
		next = strconv.Itoa(until)
	}
	return from, until, next, nil
}

func answerPage(name string, list any, next string) map[string]any {
	answer := map[string]any{name: list}
	if next != "" {
		answer["next_page_token"] = next
	}
	return answer
}

// newID is an identifier as MLflow makes them: 32 digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}
