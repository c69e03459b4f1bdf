using Chasqui.Engines.Models;
using CsCheck;

namespace Chasqui.Engines.Tests.Models;

/// <summary>Whatever bytes a file has, reading it gives a header or the one error that says what is wrong.</summary>
public sealed class GgufDamageTests : IDisposable
{
    // A file of 5 KiB has no reason to make the reader allocate more than this.
    private const long MostAllocated = 1 << 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_truncation_is_told()
    {
        var path = GgufWriter.Llama().Save(_folder.Path, "cut.gguf");
        var token = TestContext.Current.CancellationToken;
        Assert.NotNull(GgufFile.Read(path, token));
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        for (var length = file.Length - 1; length >= 0; length--)
        {
            file.SetLength(length);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<GgufFormatException>(() => GgufFile.Read(path, token));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated);
        }
    }

    [Fact]
    public void A_file_cut_inside_its_weights_names_the_tensor()
    {
        var bytes = GgufWriter.Llama().ToArray();
        Assert.Contains("the file ends inside the tensor \"output_norm.weight\"", ErrorOf(bytes[..^1]), StringComparison.Ordinal);
    }

    [Fact]
    public void Flipped_bytes_never_give_another_error()
    {
        var right = GgufWriter.Llama().ToArray();
        Gen.Select(Gen.Int[0, right.Length - 1], Gen.Byte).Array[1, 8].Sample(flips =>
        {
            var bytes = right.ToArray();
            foreach (var (at, value) in flips)
                bytes[at] = value;
            ReadOrRefuse(bytes);
        }, iter: 20_000);
    }

    [Fact]
    public void Extreme_lengths_never_give_another_error()
    {
        var right = GgufWriter.Llama().ToArray();
        ulong[] values = [0, 1, 0x7F, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1UL << 40, long.MaxValue, ulong.MaxValue, ulong.MaxValue - 31];
        var extremes = Gen.Int[0, values.Length - 1].Select(i => values[i]);
        Gen.Select(Gen.Int[0, right.Length - 8], extremes).Array[1, 2].Sample(flips =>
        {
            var bytes = right.ToArray();
            foreach (var (at, value) in flips)
                BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
            ReadOrRefuse(bytes);
        }, iter: 20_000);
    }

    [Fact]
    public void Random_bytes_after_the_letters_GGUF_never_give_another_error() =>
        Gen.Byte.Array[0, 400].Sample(tail => ReadOrRefuse([.. "GGUF"u8, 3, 0, 0, 0, .. tail]), iter: 5_000);

    public static TheoryData<string, string> Wrong() => new(_cases.Select(c => (c.Key, c.Value.Says)));

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_said(string wrong, string says) =>
        Assert.Contains(says, ErrorOf(_cases[wrong].Make(GgufWriter.Llama()).ToArray()), StringComparison.Ordinal);

    private static readonly Dictionary<string, (Func<GgufWriter, GgufWriter> Make, string Says)> _cases = new()
    {
        ["magic"] = (w => With(w, x => x.Magic = 1), "does not begin with the letters GGUF"),
        ["version 1"] = (w => With(w, x => x.Version = 1), "version 1"),
        ["version 99"] = (w => With(w, x => x.Version = 99), "version 99"),
        ["big-endian"] = (w => With(w, x => x.Version = 3 << 24), "big-endian"),
        ["tensor count"] = (w => With(w, x => x.TensorCount = ulong.MaxValue), "tensors"),
        ["pair count"] = (w => With(w, x => x.PairCount = 1UL << 40), "metadata values"),
        ["value type"] = (w => w.Add("x", 13, _ => { }), "\"x\" has the unknown type 13"),
        ["array of arrays"] = (w => w.Array("x", 9, 1, _ => { }), "array of arrays"),
        ["array length"] = (w => w.Array("x", 0, long.MaxValue, _ => { }), "elements"),
        ["text length"] = (w => w.Add("x", 8, b => b.Write(ulong.MaxValue)), "the file ends inside"),
        ["key twice"] = (w => w.AddAgain("general.name", 4, b => b.Write(1u)), "\"general.name\" occurs twice"),
        ["key empty"] = (w => w.Set("", 1u), "a metadata key is empty"),
        ["control characters"] = (w => w.Add("a\nb", 77, _ => { }), "\"a?b\""),
        ["no architecture"] = (w => w.Remove("general.architecture"), "general.architecture"),
        ["architecture of another type"] = (w => w.Set("general.architecture", 1u), "general.architecture"),
        ["alignment 0"] = (w => w.Set("general.alignment", 0u), "general.alignment"),
        ["alignment 24"] = (w => w.Set("general.alignment", 24u), "general.alignment"),
        ["alignment of another type"] = (w => w.Set("general.alignment", "32"), "general.alignment"),
        ["alignment too large"] = (w => w.Set("general.alignment", 1u << 31), "the file ends inside the tensor"),
        ["tensor twice"] = (w => w.Tensor("output_norm.weight", 32), "\"output_norm.weight\" occurs twice"),
        ["tensor name"] = (w => w.Tensor(new string('x', 64), 32), "64 bytes"),
        ["dimensions"] = (w => w.Tensor("x", 1, 1, 1, 1, 1), "5 dimensions"),
        ["dimension 0"] = (w => w.Tensor("x", 0, [32, 0], 0), "a dimension of 0"),
        ["dimension negative"] = (w => w.Tensor("x", 0, [-1], 0), "a dimension of 18446744073709551615"),
        ["elements overflow"] = (w => w.Tensor("x", 0, [1L << 40, 1L << 40], 0), "more elements than can be counted"),
        ["bytes overflow"] = (w => w.Tensor("x", 0, [long.MaxValue / 2], 0), "more elements than can be counted"),
        ["extent overflow"] = (w => w.Tensor("x", 24, [long.MaxValue - 1], 0), "more bytes than can be counted"),
        ["removed number format"] = (w => w.Tensor("x", 4, [32], 20), "number format 4"),
        ["number format"] = (w => w.Tensor("x", 43, [32], 20), "number format 43"),
        ["row"] = (w => w.Tensor("x", 12, [128], 72), "no multiple of 256 as Q4_K needs"),
        ["norm of halves"] = (w => w.Tensor("x", 1, [32], 64), "\"x\" has one dimension and the number format F16, but must be F32"),
        ["weights of bytes"] = (w => w.Tensor("x", 24, [32, 2], 64), "number format I8, which is not one for weights"),
        ["offset"] = (w => w.Tensor("x", 0, [8], 32, offset: 64), "is at the offset 64"),
        ["offset of another tensor"] = (w => w.Tensor("x", 0, [8], 32, offset: 0), "is at the offset 0"),
        ["token twice"] = (w => w.Set("tokenizer.ggml.tokens", "a", "b", "a"), "token 2 of its vocabulary"),
        ["token twice up to a NUL"] = (w => w.Set("tokenizer.ggml.tokens", "a\0b", "a\0c"), "token 1 of its vocabulary"),
        ["no block_count"] = (w => w.Remove("llama.block_count"), "llama.block_count"),
        ["block_count 0"] = (w => w.Set("llama.block_count", 0u), "llama.block_count is 0, but must be from 1 to 512"),
        ["block_count 513"] = (w => w.Set("llama.block_count", 513u), "llama.block_count is 513"),
        ["block_count of another type"] = (w => w.Set("llama.block_count", "2"), "llama.block_count"),
        ["context_length 0"] = (w => w.Set("llama.context_length", 0u), "llama.context_length is 0"),
        ["embedding_length negative"] = (w => w.Set("llama.embedding_length", -1), "llama.embedding_length is -1"),
        ["head_count 0"] = (w => w.Set("llama.attention.head_count", 0u), "llama.attention.head_count is 0"),
        ["head_count no divisor"] = (w => w.Set("llama.attention.head_count", 5u), "a divisor of its embedding_length, 32"),
        ["head_count_kv no divisor"] = (w => w.Set("llama.attention.head_count_kv", 3u), "a divisor of its attention.head_count, 4"),
        ["head_count for other blocks"] = (w => w.Set("llama.attention.head_count", 4, 4, 4), "3 elements, but must have 2"),
        ["expert_count"] = (w => w.Set("llama.expert_count", 1025u), "llama.expert_count is 1025"),
        ["expert_used_count without experts"] = (w => w.Set("llama.expert_used_count", 2u), "no experts"),
        ["expert_used_count 0"] = (w => w.Set("llama.expert_count", 4u), "from 1 to 4"),
        ["expert groups"] = (w => w.Set("llama.expert_count", 4u).Set("llama.expert_used_count", 2u).Set("llama.expert_group_count", 3u), "a divisor of its expert_count, 4"),
        ["rope scaling"] = (w => w.Set("llama.rope.scaling.type", "magic"), "llama.rope.scaling.type is \"magic\""),
        ["epsilon negative"] = (w => w.Set("llama.attention.layer_norm_rms_epsilon", -1e-5f), "layer_norm_rms_epsilon must be"),
        ["epsilon not a number"] = (w => w.Set("llama.attention.layer_norm_rms_epsilon", float.NaN), "layer_norm_rms_epsilon must be"),
        ["nextn_predict_layers"] = (w => w.Set("llama.nextn_predict_layers", 3u), "from 0 to 2"),
    };

    [Fact]
    public void A_file_of_metadata_alone_is_no_model()
    {
        var writer = new GgufWriter().Set("general.architecture", "llama").Set("tokenizer.ggml.tokens", "a");
        Assert.Contains("no tensors", ErrorOf(writer.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_can_be_cancelled()
    {
        var path = GgufWriter.Llama().Save(_folder.Path, "c.gguf");
        Assert.Throws<OperationCanceledException>(() => GgufFile.Read(path, new CancellationToken(canceled: true)));
    }

    private static GgufWriter With(GgufWriter writer, Action<GgufWriter> change)
    {
        change(writer);
        return writer;
    }

    private static string ErrorOf(byte[] bytes) => Assert.Throws<GgufFormatException>(() => Parse(bytes)).Message;

    private static void ReadOrRefuse(byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var file = Parse(bytes);
            Assert.NotEmpty(file.Architecture);
            Assert.NotNull(file.FileType);
        }
        catch (GgufFormatException e)
        {
            Assert.NotEmpty(e.Message);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated);
    }

    private static GgufFile Parse(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes, writable: false);
        return GgufParser.Parse("test.gguf", stream, bytes.Length, TestContext.Current.CancellationToken);
    }
}
