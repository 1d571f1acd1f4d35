package azureml

import (
	"path"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// defaultDatastore is where outputs go when nobody says.
const defaultDatastore = "workspaceblobstore"

// layer is what one place in the files says about an output. Outer layers win
// over inner ones: the pipeline over the node, the node over the component.
type layer struct {
	*result
	around *scope // what the expressions of the path refer to
}

// layers are what is said about an output of a leaf, from the inside out.
func (u *unit) layers(name string) []layer {
	var list []layer
	if declared := u.node.runs.outputs.get(name); declared != nil {
		list = append(list, layer{declared, nil})
	}
	sc := u.around
	for said := u.node.outputs.get(name); said != nil; {
		list = append(list, layer{said, sc})
		if said.promoted == nil || sc == nil {
			break
		}
		outer := sc.graph.outputs.get(said.promoted.name)
		if outer == nil {
			break
		}
		list = append(list, layer{outer, nil})
		if sc.maker == nil {
			break
		}
		said, sc = sc.maker.outputs.get(outer.name), sc.parent
	}
	return list
}

// outputKinds finds the outputs of a leaf, but for their paths.
func (f *flattener) outputKinds(u *unit) {
	names := u.node.runs.outputs.names()
	if !contains(names, artifacts) && u.node.outputs.has(artifacts) {
		names = append(names, artifacts)
	}
	for _, name := range names {
		o := pipeline.Output{Name: name}
		var declared pipeline.PortType
		for i, layer := range u.layers(name) {
			if i == 0 {
				declared = layer.kind
			}
			if layer.kind != "" {
				if declared != "" && (declared == pipeline.URIFile) != (layer.kind == pipeline.URIFile) {
					f.problems.warnf(layer.at, `write "type: `+string(declared)+`"`, "output %s is a %s here, and %s makes a %s",
						quote(layer.name), layer.kind, u.node.runs.label(), declared)
				}
				o.Type = layer.kind
			}
			if layer.mode != "" {
				o.Mode = layer.mode
			}
			if layer.asset != nil {
				o.Asset = layer.asset
			}
		}
		if o.Type == "" {
			o.Type = pipeline.URIFolder
		}
		if o.Control = o.Type.IsLiteral(); o.Control {
			o.Mode = ""
		} else if o.Mode == "" {
			o.Mode = pipeline.ReadWriteMount
		}
		u.outputs = append(u.outputs, o)
	}
}

// outputKind is the type of an output of a leaf.
func (u *unit) outputKind(name string) pipeline.PortType {
	for _, o := range u.outputs {
		if o.Name == name {
			return o.Type
		}
	}
	return pipeline.URIFolder
}

// outputPath finds where an output is published, and what its file is called.
func (f *flattener) outputPath(u *unit, o *pipeline.Output) {
	for _, layer := range u.layers(o.Name) {
		if layer.path != nil && !layer.broken {
			o.Path = f.pathText(layer)
		}
	}
	if o.Type == pipeline.URIFile {
		o.File = fileName(o)
	}
}

// fileName is what the file of an output is called: as in its path, where it
// has one, else like the output.
func fileName(o *pipeline.Output) string {
	_, inside, _ := strings.Cut(o.Path, "/paths/")
	if base := path.Base(inside); base != "." && base != "/" {
		return base
	}
	return o.Name
}

// pathText resolves the path of an output, all but the job's name.
func (f *flattener) pathText(l layer) string {
	var b strings.Builder
	for _, part := range l.path.parts {
		if part.ref == nil {
			b.WriteString(part.text)
			continue
		}
		switch part.ref.kind {
		case jobName:
			b.WriteString(pipeline.NameHole)
		case outputName:
			b.WriteString(l.name)
		case defaultStore:
			store := f.settings.DefaultDatastore
			if store == "" {
				store = defaultDatastore
			}
			b.WriteString(store)
		case parentInput:
			if l.around == nil {
				f.problems.errorf(f.place(l.path, part.ref), "", "%s cannot stand in an output that is not of a node", clip(part.ref.raw))
				return ""
			}
			text, _, ok := f.settingText(l.around, &text{node: l.path.node, parts: []exprPart{part}}, "the path of an output")
			if !ok {
				return ""
			}
			b.WriteString(text)
		}
	}
	uri := b.String()
	if rest, ok := strings.CutPrefix(uri, "azureml:azureml://"); ok {
		uri = "azureml://" + rest
	}
	short, problem := datastoreURI(uri)
	if problem != "" {
		f.problems.errorf(l.path.node.Pos(), "write azureml://datastores/NAME/paths/PATH", "the path of an output is a place in a datastore; %s", problem)
		return short
	}
	// What the job's name will fill in does not matter to where the place is.
	f.reachable(l.path.node, strings.ReplaceAll(short, pipeline.NameHole, "name"))
	return short
}
