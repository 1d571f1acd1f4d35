package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// The command finds spark-submit where people have it: in SPARK_HOME, on the
// PATH, or in the pyspark of the step's environment. What is missing it says as
// the shell does, so that the failure names it.
const (
	findSpark = `spark=${SPARK_HOME:+$SPARK_HOME/bin/spark-submit}
[ -x "$spark" ] || spark=$(command -v spark-submit) || spark=$(python3 -c 'import os, pyspark; print(os.path.join(os.path.dirname(pyspark.__file__), "bin", "spark-submit"))' 2>/dev/null) || { echo 'spark-submit: not found' >&2; exit 127; }
export PYSPARK_PYTHON=${PYSPARK_PYTHON:-$(command -v python3)}
`
	findMaster = `master=${MILLRACE_SPARK_MASTER:-${SPARK_MASTER:-local[*]}}
case $master in local*) export SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1} ;; esac
`
)

// sparkCommand is the command line of a Spark application. Data that is direct is
// handed as a URI; the folders of absent outputs must not be there when Spark
// writes them.
func sparkCommand(app *spark, conf []property, direct map[string]bool, absent []string) pipeline.Template {
	var t pipeline.Template
	add := func(text string) { t = appendText(t, text) }
	add(findSpark)
	master, ui := "", false
	for _, p := range conf {
		if p.name == masterKey {
			master = p.value
		}
		ui = ui || p.name == "spark.ui.enabled"
	}
	if master == "" {
		add(findMaster)
	} else {
		add("master=" + shellQuoted(master) + "\n")
	}
	for _, name := range absent {
		add(`rmdir -- "`)
		t = append(t, pipeline.Part{Output: name})
		add("\"\n")
	}
	add(`"$spark" --master "$master"`)
	if !ui {
		add(" --conf spark.ui.enabled=false")
	}
	for _, p := range conf {
		if p.name != masterKey {
			add(" --conf " + shellQuoted(p.name+"="+p.value))
		}
	}
	jars := app.jars
	entry := app.file
	if app.class != "" {
		add(" --class " + shellQuoted(app.class))
		if len(jars) > 0 {
			entry, jars = jars[0], jars[1:]
		}
	}
	for _, list := range []struct {
		flag  string
		files []string
	}{{"--py-files", app.pyFiles}, {"--jars", jars}, {"--files", app.files}, {"--archives", app.archives}} {
		if len(list.files) > 0 {
			add(" " + list.flag + " " + shellQuoted(strings.Join(list.files, ",")))
		}
	}
	add(" " + shellQuoted(entry))
	if len(app.args) > 0 {
		add(" ")
		t = appendParts(t, app.args, direct)
	}
	add("\ncode=$?\n")
	for _, name := range absent {
		add(`mkdir -p -- "`)
		t = append(t, pipeline.Part{Output: name})
		add("\"\n")
	}
	add("exit $code")
	return t
}

// appendParts adds the arguments, with what makes URIs of paths.
func appendParts(t, args pipeline.Template, direct map[string]bool) pipeline.Template {
	for _, part := range args {
		switch {
		case part.Group != nil:
			t = append(t, pipeline.Part{Group: appendParts(pipeline.Template{}, part.Group, direct)})
		case part.Input != "" && direct[part.Input], part.Output != "" && direct[part.Output+"\x00"]:
			t = append(appendText(t, "file://"), part)
		case part.Text != "":
			t = appendText(t, strings.TrimRight(part.Text, "\n"))
		default:
			t = append(t, part)
		}
	}
	return t
}

// plainWord needs no quotes in a shell.
func plainWord(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-./,:=@%+", r)
	})
}

// shellQuoted makes one word of any text.
func shellQuoted(text string) string {
	if plainWord(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
