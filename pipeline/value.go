package pipeline

// PortType is the declared type of an input or output, in Azure ML's words.
type PortType string

// The types a port can have. The first four are literals, the rest are data.
const (
	String      PortType = "string"
	Integer     PortType = "integer"
	Number      PortType = "number"
	Boolean     PortType = "boolean"
	URIFile     PortType = "uri_file"
	URIFolder   PortType = "uri_folder"
	MLTable     PortType = "mltable"
	MLflowModel PortType = "mlflow_model"
	CustomModel PortType = "custom_model"
	TritonModel PortType = "triton_model"
)

// IsLiteral reports whether a port of this type holds text rather than files.
func (t PortType) IsLiteral() bool {
	switch t {
	case String, Integer, Number, Boolean:
		return true
	}
	return false
}

// Mode is how a data port is presented to the program, in Azure ML's words.
type Mode string

// The modes of data ports. Inputs are read-only links (ReadOnlyMount, EvalMount),
// writable copies (Download, EvalDownload) or the bare URI (Direct). Outputs are
// ReadWriteMount or Upload, which come to the same here.
const (
	ReadOnlyMount  Mode = "ro_mount"
	ReadWriteMount Mode = "rw_mount"
	Download       Mode = "download"
	Upload         Mode = "upload"
	Direct         Mode = "direct"
	EvalMount      Mode = "eval_mount"
	EvalDownload   Mode = "eval_download"
)

// Artifact is bytes named by their content: one file, or a tree of files.
type Artifact struct {
	// Digest is that of the file's bytes, or of the tree's manifest.
	Digest Digest `json:"digest"`
	// Tree tells a tree of files from a single file.
	Tree bool `json:"tree,omitempty"`
	// Name is the base name a single file had where it was made, so that it
	// can be presented under the same name. Empty for trees.
	Name string `json:"name,omitempty"`
	// Size is the sum of the sizes of all files, in bytes.
	Size int64 `json:"size"`
	// Files is the number of files; 1 for a single file.
	Files int `json:"files"`
}

// IsZero reports whether no artifact is meant.
func (a Artifact) IsZero() bool { return a.Digest == "" }

// Value is what a port holds once it is known. Exactly one field is set; the
// zero Value is an optional input that was not given.
type Value struct {
	// Literal is the text that the command sees.
	Literal *string `json:"literal,omitempty"`
	// Artifact is the content of a data port.
	Artifact *Artifact `json:"artifact,omitempty"`
	// URI is what a data port in mode Direct holds.
	URI string `json:"uri,omitempty"`
}

// IsAbsent reports whether the port was given nothing.
func (v Value) IsAbsent() bool { return v.Literal == nil && v.Artifact == nil && v.URI == "" }

// Text makes the value of a literal port.
func Text(s string) Value { return Value{Literal: &s} }

// Content makes the value of a data port.
func Content(a Artifact) Value { return Value{Artifact: &a} }
