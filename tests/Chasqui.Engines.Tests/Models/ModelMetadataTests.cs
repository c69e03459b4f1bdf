using Chasqui.Engines.Models;

namespace Chasqui.Engines.Tests.Models;

public sealed class ModelMetadataTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ModelDescription _model;

    public ModelMetadataTests()
    {
        GgufWriter.Llama().Set("x.small", 1, 2).Save(_folder.Path, "mini.gguf");
        _model = new ModelStore(new ModelStoreOptions { Folders = [_folder.Path], OllamaFolder = "" })
            .Find("mini", TestContext.Current.CancellationToken);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Model_info_has_no_arrays_and_is_ordered_by_key() => Assert.Equal(
        """
        {
          "general.architecture": "llama",
          "general.file_type": 7,
          "general.parameter_count": 1312,
          "llama.attention.head_count": 4,
          "llama.attention.layer_norm_rms_epsilon": 1E-05,
          "llama.block_count": 2,
          "llama.context_length": 256,
          "llama.embedding_length": 32,
          "tokenizer.ggml.add_bos_token": false,
          "tokenizer.ggml.merges": null,
          "tokenizer.ggml.model": "gpt2",
          "tokenizer.ggml.tokens": null,
          "x.small": null
        }
        """.ReplaceLineEndings("\n"),
        ModelMetadata.ForShow(_model, cancellationToken: TestContext.Current.CancellationToken)
            .ToJsonString(new() { WriteIndented = true, NewLine = "\n" }));

    [Fact]
    public void Verbose_model_info_has_the_arrays()
    {
        var shown = ModelMetadata.ForShow(_model, verbose: true, TestContext.Current.CancellationToken);
        Assert.Equal(40, shown["tokenizer.ggml.tokens"]!.AsArray().Count);
        Assert.Equal("[1,2]", shown["x.small"]!.ToJsonString());
    }

    [Fact]
    public void Verbose_model_info_of_a_file_that_is_gone_is_an_error()
    {
        File.Delete(_model.Path);
        Assert.Throws<ModelLoadException>(() => ModelMetadata.ForShow(_model, verbose: true, TestContext.Current.CancellationToken));
    }
}
