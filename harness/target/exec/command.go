package exec

import (
	"fmt"
	"path/filepath"

	"github.com/usurper/usurper/harness/target"
)

// program returns the path of the program that the word names.
func program(word *text, over any, look func(string) (string, error)) (string, error) {
	name, err := word.render(over)
	if err != nil {
		return "", err
	}
	path, err := look(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("%s:%d: command: %w: install it, or name the path of the program", word.file, word.line, err)
	}
	return path, nil
}

// command renders a program with its arguments; one that is a template and renders to
// nothing is left out.
func command(words []*text, over any, look func(string) (string, error)) (target.Command, error) {
	path, err := program(words[0], over, look)
	cmd := target.Command{Path: path}
	for _, t := range words[1:] {
		if err != nil {
			break
		}
		var word string
		if word, err = t.render(over); word != "" || t.constant {
			cmd.Args = append(cmd.Args, word)
		}
	}
	return cmd, err
}

// start returns the member's process: its program, arguments and environment.
func (c *config) start(m *member, look func(string) (string, error)) (target.Command, error) {
	cmd, err := command(c.command, m, look)
	if err != nil {
		return cmd, err
	}
	for _, v := range c.env {
		value, err := v.text.render(m)
		if err != nil {
			return cmd, err
		}
		cmd.Env = append(cmd.Env, v.name+"="+value)
	}
	return cmd, nil
}
