using Chasqui.Engines.Models;

namespace Chasqui.Engines.Tests.Models;

public sealed class GgufFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_header_tells_what_the_model_is()
    {
        var file = Read(GgufWriter.Llama().Set("llama.pooling_type", 1u));

        Assert.Equal("llama", file.Architecture);
        Assert.Equal("Q8_0", file.FileType);
        Assert.Equal((32 * 40) + 32, file.ParameterCount);
        Assert.Equal("1K", file.ParameterSize);
        Assert.Equal(256, file.ContextLength);
        Assert.Equal(32, file.EmbeddingLength);
        Assert.Equal(2, file.BlockCount);
        Assert.Equal(40, file.VocabularySize);
        Assert.Equal(1, file.PoolingType);
        Assert.Equal("{% for m in messages %}{{ m.content }}{% endfor %}", file.ChatTemplate);
        Assert.Equal(3u, file.Version);
        Assert.Equal(1, file.SplitCount);
        Assert.Equal(["token_embd.weight", "output_norm.weight"], file.Tensors.Select(t => t.Name));
        Assert.Equal(["Q8_0", "F32"], file.Tensors.Select(t => t.Type));
        Assert.Equal([32L, 40L], file.Tensors[0].Shape);
    }

    [Fact]
    public void Large_arrays_stay_in_the_file_and_are_read_when_asked_for()
    {
        var file = Read(GgufWriter.Llama().Set("x.small", "a", "b").Set("x.numbers", [.. Enumerable.Range(0, 513)]));

        Assert.Null(file.Metadata["tokenizer.ggml.tokens"]);
        Assert.Null(file.Metadata["tokenizer.ggml.merges"]);
        Assert.Null(file.Metadata["x.numbers"]);
        Assert.Equal("""["a","b"]""", file.Metadata["x.small"]!.ToJsonString());

        var token = TestContext.Current.CancellationToken;
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"t{i}"), file.ReadArray("tokenizer.ggml.tokens", token)!.Select(n => n!.GetValue<string>()));
        Assert.Equal(Enumerable.Range(0, 513), file.ReadArray("x.numbers", token)!.Select(n => n!.GetValue<int>()));
        Assert.Null(file.ReadArray("general.name", token));
        Assert.True(file.HasArray("x.small", out var count));
        Assert.Equal(2, count);
    }

    [Fact]
    public void Version_2_is_read_as_version_3_is()
    {
        var writer = GgufWriter.Llama();
        writer.Version = 2;
        Assert.Equal(2u, Read(writer).Version);
    }

    [Fact]
    public void Another_alignment_is_followed()
    {
        var writer = GgufWriter.Llama().Set("general.alignment", 128u);
        writer.Alignment = 128;
        Assert.Equal(2, Read(writer).Tensors.Count);
    }

    [Fact]
    public void A_number_that_is_not_finite_is_null() =>
        Assert.Null(Read(GgufWriter.Llama().Set("x", float.NaN)).Metadata["x"]);

    [Fact]
    public void Without_a_file_type_the_format_of_most_parameters_counts() =>
        Assert.Equal("Q8_0", Read(GgufWriter.Llama().Remove("general.file_type")).FileType);

    [Fact]
    public void Heads_may_be_told_for_each_block_and_recurrent_models_have_none()
    {
        var perBlock = Read(GgufWriter.Llama().Set("llama.attention.head_count", 4, 0));
        Assert.Equal("[4,0]", perBlock.Metadata["llama.attention.head_count"]!.ToJsonString());

        var recurrent = Read(new GgufWriter()
            .Set("general.architecture", "mamba").Set("mamba.block_count", 1u).Set("mamba.context_length", 1024u)
            .Set("mamba.embedding_length", 33u).Set("mamba.attention.head_count", 0u).Tensor("token_embd.weight", 8));
        Assert.Equal(33, recurrent.EmbeddingLength);
    }

    [Fact]
    public void Heads_of_a_length_of_their_own_need_not_divide_the_width()
    {
        var file = Read(GgufWriter.Llama().Set("llama.attention.head_count", 5u).Set("llama.attention.key_length", 8u));
        Assert.Equal(5, file.GetInteger("llama.attention.head_count"));
    }

    [Fact]
    public void Empty_tokens_and_a_scalar_tensor_are_legal()
    {
        var file = Read(GgufWriter.Llama().Set("tokenizer.ggml.tokens", "", "", "a").Tensor("scale"));
        Assert.Equal(3, file.VocabularySize);
        Assert.Empty(file.Tensors[2].Shape);
    }

    [Fact]
    public void The_sizes_of_number_formats_add_up()
    {
        // A model may not have all of them; other files may.
        var writer = GgufWriter.Llama().Set("general.architecture", "clip");
        foreach (var (id, type) in GgmlTypes.All)
            writer.Tensor($"x.{type.Name}", id, [type.BlockSize * 2L, 3], 6L * type.BlockBytes);
        Assert.Equal(GgmlTypes.All.Count + 2, Read(writer).Tensors.Count);
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_input_output_error() =>
        Assert.Throws<FileNotFoundException>(() =>
            GgufFile.Read(Path.Combine(_folder.Path, "none.gguf"), TestContext.Current.CancellationToken));

    private GgufFile Read(GgufWriter writer) =>
        GgufFile.Read(writer.Save(_folder.Path, "model.gguf"), TestContext.Current.CancellationToken);
}
