package azureml

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// embedding is what a definition has in the place of a path: the content of
// the file, or the artifact that the code or data has become. It belongs to the
// value itself or, with a key, to that key of the mapping.
type embedding struct {
	key    string
	body   *yaml.Node
	code   *pipeline.Code
	source *pipeline.Source
}

// embed remembers what a path in the files means.
func (l *loader) embed(n *yaml.Node, e embedding) {
	if e.body != nil || e.code != nil || e.source != nil {
		l.embeds[n] = append(l.embeds[n], e)
	}
}

// Pinner takes what is on this machine into a store.
type Pinner interface {
	PinCode(c *pipeline.Code) (pipeline.Artifact, error)
	PinSource(s *pipeline.Source) (pipeline.Artifact, error)
}

// notInDefinition are the keys of a component that mean nothing in a definition,
// or that have become part of its code.
var notInDefinition = map[string]bool{
	"$schema": true, "version": true, "additional_includes": true, "creation_context": true, "id": true,
}

// beside are the keys of an asset that are kept beside its definition: what it
// is called, and what may change.
var beside = map[string]bool{"name": true, "version": true, "$schema": true,
	"display_name": true, "description": true, "tags": true, "properties": true}

var errTooLarge = errors.New("more than can be read again")

// definer writes files as one text that needs none of them.
type definer struct {
	*loader
	pin       Pinner
	artifacts []pipeline.Artifact
	kept      map[pipeline.Digest]bool
	// files takes along the files that are referred to; nil has them stand in the
	// place of the references.
	files *enclosure
}

// define makes the definition of what is read at root.
func (l *loader) define(root *yaml.Node, pin Pinner) (string, []pipeline.Artifact, error) {
	d := &definer{loader: l, pin: pin, kept: map[pipeline.Digest]bool{}}
	whole, err := d.value(root)
	if err != nil {
		return "", nil, err
	}
	top := yaml.NewNull(root.Pos())
	for _, e := range whole.Entries {
		if !beside[e.Key] {
			top.Put(e.Key, e.Pos(), e.Value)
		}
	}
	text := yaml.Format(top)
	if len(text) > yaml.MaxSize {
		return "", nil, fmt.Errorf("with the files in it, it has %d KiB, %w (%d): create the components in it first, and refer to them by name",
			len(text)>>10, errTooLarge, yaml.MaxSize>>10)
	}
	return text, d.artifacts, nil
}

// value copies a value, with embeddings in the place of references.
func (d *definer) value(n *yaml.Node) (*yaml.Node, error) {
	if pinned := d.pins[n]; pinned != "" {
		return yaml.NewText(n.Pos(), pinned), nil
	}
	for _, e := range d.embeds[n] {
		if e.key == "" {
			return d.embedded(n, e)
		}
	}
	switch n.Kind {
	case yaml.Map:
		return d.mapping(n)
	case yaml.List:
		list := yaml.NewNull(n.Pos())
		list.Kind = yaml.List
		for i, item := range n.Items {
			v, err := d.value(item)
			if err != nil {
				return nil, err
			}
			list.SetItem(i, v)
		}
		return list, nil
	}
	scalar := *n
	return &scalar, nil
}

func (d *definer) mapping(n *yaml.Node) (*yaml.Node, error) {
	m := yaml.NewNull(n.Pos())
	m.Kind = yaml.Map
	component := n.Get("command") != nil || n.Get("jobs") != nil || n.Get("task") != nil || n.Get("entry") != nil
	for _, e := range n.Entries {
		if component && notInDefinition[e.Key] {
			continue
		}
		v, err := d.value(e.Value)
		if err != nil {
			return nil, err
		}
		m.Put(e.Key, e.Pos(), v)
	}
	for _, e := range d.embeds[n] {
		v, err := d.embedded(n, e)
		if err != nil {
			return nil, err
		}
		m.Put(e.key, n.Pos(), v)
	}
	return m, nil
}

func (d *definer) embedded(n *yaml.Node, e embedding) (*yaml.Node, error) {
	switch {
	case e.body != nil && d.files != nil:
		return d.enclose(n, e.body)
	case e.body != nil:
		return d.value(e.body)
	}
	var a pipeline.Artifact
	var err error
	if e.code != nil {
		a, err = d.pin.PinCode(e.code)
	} else {
		a, err = d.pin.PinSource(e.source)
	}
	if err != nil {
		return nil, err
	}
	if !d.kept[a.Digest] {
		d.kept[a.Digest] = true
		d.artifacts = append(d.artifacts, a)
	}
	return yaml.NewText(n.Pos(), artifactForm+string(a.Digest)), nil
}

// Plain is a definition as maps, lists and scalars, for those who print it. Of
// text that cannot be read it returns nil.
func Plain(definition string) map[string]any {
	root, errs := yaml.Parse("definition", "", []byte(definition))
	for _, e := range errs {
		if !e.Warning {
			return nil
		}
	}
	m, _ := plain(root).(map[string]any)
	return m
}

func plain(n *yaml.Node) any {
	switch {
	case n.IsNull():
		return nil
	case n.Kind == yaml.Map:
		m := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			m[e.Key] = plain(e.Value)
		}
		return m
	case n.Kind == yaml.List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = plain(item)
		}
		return list
	case n.Kind == yaml.Bool:
		return strings.EqualFold(n.Text, "true")
	case n.Kind == yaml.Int || n.Kind == yaml.Float:
		return number(n.Text)
	}
	return n.Text
}
