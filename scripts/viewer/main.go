// Viewer watches the live page of a run as a browser does, but draws nothing: it follows
// the events of usurper serve, and fetches the picture whenever there is more.
//
//	viewer URL RUN      until the run ends; prints how many pictures came, and their bytes
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "viewer URL RUN: name the address that serve prints, and a run below its directory")
		os.Exit(2)
	}
	if err := watch(strings.TrimSuffix(os.Args[1], "/"), os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "viewer:", err)
		os.Exit(1)
	}
}

func watch(at, run string) error {
	events, err := get(at + "/events/" + run)
	if err != nil {
		return err
	}
	defer events.Close()
	pictures, bytes := 0, int64(0)
	for in := bufio.NewScanner(events); in.Scan() && in.Text() != "event: end"; {
		if !strings.HasPrefix(in.Text(), "data:") {
			continue
		}
		picture, err := get(at + "/picture/" + run)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, picture)
		picture.Close()
		if err != nil {
			return err
		}
		pictures, bytes = pictures+1, bytes+n
	}
	fmt.Println(pictures, bytes)
	return nil
}

func get(url string) (io.ReadCloser, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return answer.Body, nil
}
