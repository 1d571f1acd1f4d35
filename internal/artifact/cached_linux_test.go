package artifact

import (
	"os"
	"testing"
)

// A disk that fills up while something is downloaded is the cache's trouble,
// not that of the step.
func TestFullDiskIsToldFromTroubleWithTheBucket(t *testing.T) {
	bare := open(t, "mem://")
	a, _ := putNoise(t, bare, 1, partSize+1)
	s := withCache(t, bare, t.TempDir(), 1<<30)
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	must(t, err)
	defer full.Close()
	err = s.cache.fill(t.Context(), &download{file: full, size: a.Size}, a.Digest)
	if !withoutCache(err) || !isFull(err) {
		t.Errorf("error = %v", err)
	}
}
