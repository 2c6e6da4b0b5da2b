import subprocess
import sys

import torch

from podtts.nn.embedding import TokenEmbedding


def test_it_is_initialised_like_torchs() -> None:
    torch.manual_seed(0)
    ours = TokenEmbedding(5, 3)
    torch.manual_seed(0)
    assert torch.equal(ours.weight, torch.nn.Embedding(5, 3).weight)


def test_building_it_on_the_meta_device_does_not_import_the_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from podtts.nn.embedding import TokenEmbedding\n"
        "with torch.device('meta'):\n"
        "    TokenEmbedding(5, 3)\n"
        "print('torch._inductor' in sys.modules or 'torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
