package asset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

const (
	root   = "assets/"
	suffix = ".json"
)

func kindPrefix(kind pipeline.AssetKind) string { return root + string(kind) + "/" }

func namePrefix(kind pipeline.AssetKind, name string) string { return kindPrefix(kind) + name + "/" }

func versionKey(kind pipeline.AssetKind, name, version string) string {
	return namePrefix(kind, name) + "versions/" + version + suffix
}

func notesKey(kind pipeline.AssetKind, name, version string) string {
	return namePrefix(kind, name) + "notes/" + version + suffix
}

// found is a version of which a list of keys tells.
type found struct {
	name, version string
	// noted says that there are notes beside it.
	noted bool
}

// parseKeys reads a list of keys below kindPrefix, as far as they are ours.
func parseKeys(kind pipeline.AssetKind, keys []string) map[string][]found {
	names, noted := map[string][]found{}, map[string]bool{}
	for _, key := range keys { // sorted, so that notes come before versions
		parts := strings.Split(strings.TrimPrefix(key, kindPrefix(kind)), "/")
		if len(parts) != 3 {
			continue
		}
		name, version := parts[0], strings.TrimSuffix(parts[2], suffix)
		switch key {
		case notesKey(kind, name, version):
			noted[name+"/"+version] = true
		case versionKey(kind, name, version):
			names[name] = append(names[name], found{name, version, noted[name+"/"+version]})
		}
	}
	return names
}

// check reports what cannot become part of a key, or nil. An empty version is
// not looked at.
func check(kind pipeline.AssetKind, name, version string) error {
	if err := checkKind(kind); err != nil {
		return err
	}
	if err := pipeline.CheckAssetName(string(kind)+" name", name); err != nil {
		return err
	}
	if version == "" {
		return nil
	}
	return pipeline.CheckAssetName("version", version)
}

func checkKind(kind pipeline.AssetKind) error {
	if !slices.Contains(pipeline.AssetKinds(), kind) {
		return fmt.Errorf("%q is not a kind of asset", kind)
	}
	return nil
}
