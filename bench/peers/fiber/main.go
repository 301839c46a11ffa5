// The workloads of bench/load/workloads.py on Fiber, in one process with a scheduler thread for each CPU that it may use.
package main

import (
	"bufio"
	"bytes"
	"log"
	"os"

	"github.com/gofiber/fiber/v2"
)

func letters(count int) []byte {
	return bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), count/26+1)[:count]
}

type message struct {
	Message string `json:"message"`
}

func main() {
	kibibyte, body64k := letters(1024), letters(65536)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/hello", func(c *fiber.Ctx) error { return c.SendString("Hello, world!") })
	app.Get("/json", func(c *fiber.Ctx) error { return c.JSON(message{"Hello, World!"}) })
	app.Get("/body1k", func(c *fiber.Ctx) error { return c.Send(kibibyte) })
	app.Get("/body64k", func(c *fiber.Ctx) error { return c.Send(body64k) })
	app.Post("/echo", func(c *fiber.Ctx) error { return c.Send(c.Body()) })
	app.Get("/stream", func(c *fiber.Ctx) error {
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
			for i := 0; i < 16; i++ {
				if _, err := w.Write(kibibyte); err != nil || w.Flush() != nil {
					return
				}
			}
		})
		return nil
	})
	log.Fatal(app.Listen("127.0.0.1:" + os.Getenv("PORT")))
}
