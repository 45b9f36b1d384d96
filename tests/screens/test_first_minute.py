"""Who knows nothing of the program gets from its first screen to a pruned and fine-tuned network by the line "next:"
alone, by the keys that README.md names."""

import tmux  # also makes `thinet` importable
from thinet import finish, skip_all

tmux.need()
NETWORK = tmux.example()
if not tmux.have_images():
    skip_all("dataset-fashion-mnist is not there")


def example(columns, rows):
    def body():
        screen = tmux.Screen(NETWORK, columns=columns, rows=rows)
        screen.until("next: give it images: type :data fashion-mnist", "idle")
        screen.command("data fashion-mnist")
        screen.until("next: e evaluates the network, S samples all layers")
        screen.keys("S")
        screen.until("sampled on", "next: > removes 5 % more of this layer")
        screen.keys("Down")
        screen.until("conv1_2  32 filters")
        for _ in range(10):
            screen.keys(">")
        screen.until("conv1_2 keeps 16 of 32", "next: p prunes this layer")
        screen.keys("p")
        screen.until("layer pruned", "conv1_2  16 filters", "Not sampled since it was pruned", "next: f fine-tunes")
        screen.keys("f")
        screen.until(":finetune epochs=1", "Enter runs it")
        screen.type("0")  # so that it still runs when it is looked at
        screen.keys("Enter")
        screen.until("epoch 1/10", "3 shows its curves")
        screen.keys("3")
        screen.until("The first epoch is running", gone=["shows its curves"])
        screen.keys("Escape")
        screen.until("next: f fine-tunes", "idle")
        screen.keys("f")
        screen.until(":finetune epochs=1", "Enter runs it")
        screen.type(" limit=200 test-limit=100")
        screen.keys("Enter")
        screen.until("next: x exports the smaller network", "idle")
        screen.close()
    return body


def fresh(columns, rows):
    def body():
        screen = tmux.Screen(columns=columns, rows=rows)
        screen.until("No network is open", "next: type :open FILE.onnx  (or :open zoo:fashion-vgg)")
        screen.command("open zoo:fashion-vgg")
        screen.until("next: give it images")
        screen.command("data fashion-mnist")
        screen.until("next: its weights are fresh: type :train, or S samples all the same", "idle")
        screen.command("train epochs=1 limit=200 test-limit=100")
        screen.until("next: S samples all layers", "idle", gone=["weights are fresh"])
        screen.command("undo")
        screen.until("next: its weights are fresh")
        screen.command("open " + NETWORK)
        screen.until("next: e evaluates the network", "idle", gone=["weights are fresh"])
        screen.close()
    return body


for columns, rows in tmux.SIZES:
    size = "%dx%d: " % (columns, rows)
    tmux.test(size + "the line next: leads from the example to a pruned and fine-tuned network", example(columns, rows))
    tmux.test(size + "a built-in network is to be trained first", fresh(columns, rows))
finish()
