package main

import (
	"os/exec"
	"runtime"
)

// browse opens a page in the person's browser, and says where it is.
func (a *app) browse(url string) {
	if url == "" {
		a.say("no Temporal UI is running; `%s` starts one", a.command("dev"))
		return
	}
	a.say("Temporal UI: %s", url)
	opener := "xdg-open"
	if runtime.GOOS == "darwin" {
		opener = "open"
	}
	path, err := exec.LookPath(opener)
	if err != nil {
		return // the address has been said
	}
	_ = exec.Command(path, url).Start() // a browser may stay for hours
}
