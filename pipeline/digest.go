package pipeline

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest names bytes by their content: the hash algorithm, a colon, and the
// hash in lower-case hexadecimal, "blake3:<64 digits>". The algorithm is
// spelled out so that another one can stand beside it.
type Digest string

// Blake3 is the algorithm that all digests are made with today.
const Blake3 = "blake3"

// NewDigest makes a digest from a raw 32 byte BLAKE3 sum.
func NewDigest(sum []byte) Digest {
	return Digest(Blake3 + ":" + hex.EncodeToString(sum))
}

// ParseDigest checks that text is a well-formed digest. Text that comes from a
// file or the network goes through here before it becomes part of a path.
func ParseDigest(text string) (Digest, error) {
	algorithm, sum, ok := strings.Cut(text, ":")
	if !ok || algorithm != Blake3 {
		return "", fmt.Errorf("digest %q does not begin with %q", text, Blake3+":")
	}
	if len(sum) != 64 || strings.ToLower(sum) != sum {
		return "", fmt.Errorf("digest %q does not end with 64 lower-case hexadecimal digits", text)
	}
	if _, err := hex.DecodeString(sum); err != nil {
		return "", fmt.Errorf("digest %q does not end with 64 lower-case hexadecimal digits", text)
	}
	return Digest(text), nil
}

// Hex returns the hash without the algorithm.
func (d Digest) Hex() string {
	_, sum, _ := strings.Cut(string(d), ":")
	return sum
}

// Short returns enough of the hash for people to tell digests apart.
func (d Digest) Short() string {
	sum := d.Hex()
	return sum[:min(12, len(sum))]
}
