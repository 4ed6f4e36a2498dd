// Asks the service users, with net/http. Arguments are further header fields.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	request, err := http.NewRequest("GET", "http://users/", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, field := range os.Args[1:] {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status)
	}
	io.Copy(os.Stdout, answer.Body)
}
