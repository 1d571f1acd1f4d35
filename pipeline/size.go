package pipeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseSize reads a number of bytes as docker does: "512", "100k", "16g",
// "1.5gb", "16GiB". Units are powers of 1024.
func ParseSize(text string) (int64, error) {
	number := strings.ToLower(strings.TrimSpace(text))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "b"), "i")
	unit := 1.0
	if n := len(number); n > 0 {
		if power := strings.IndexByte("kmgtp", number[n-1]); power >= 0 {
			unit = math.Pow(1024, float64(power+1))
			number = number[:n-1]
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if bytes := n * unit; err == nil && n >= 0 && bytes < math.MaxInt64 {
		return int64(bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size: write a number of bytes, or one with k, m, g or t behind it, such as 16g", text)
}

// FormatSize writes a number of bytes as ParseSize reads it, in the largest
// unit that loses nothing.
func FormatSize(n int64) string {
	unit := ""
	for _, u := range []string{"k", "m", "g", "t", "p"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}
