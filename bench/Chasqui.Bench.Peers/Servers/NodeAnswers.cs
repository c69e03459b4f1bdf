using System.Text;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>What the node of the proxy benchmark says, made once: it is not what is measured.</summary>
internal static class NodeAnswers
{
    /// <summary>Its only model.</summary>
    public const string Model = "bench:latest";

    /// <summary>Tokens of a streamed answer, before its last line.</summary>
    public const int Tokens = 64;

    private const string Time = "2026-01-05T09:30:00.123456789Z";

    private const string Details =
        """{"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"3.2B","quantization_level":"Q4_K_M"}""";

    private const string Digest = "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72";

    private const string Figures =
        """ "done":true,"done_reason":"stop","total_duration":1912345678,"load_duration":21234567,"prompt_eval_count":312,"prompt_eval_duration":212345678,"eval_count":64,"eval_duration":1612345678}""";

    /// <summary>A paragraph, as the whole answer.</summary>
    public const string Text =
        "The relay runners of the Andes carried messages from post to post along the royal road. Each ran at full speed for a few kilometres, called out before the next hut, and gave the words, or a "
        + "knotted cord, to the one who waited there. By day and by night a message went two hundred and forty kilometres in a day.";

    public static readonly byte[] Version = """{"version":"0.33.0"}"""u8.ToArray();

    public static readonly byte[] Tags = Utf8(
        $$"""{"models":[{"name":"{{Model}}","model":"{{Model}}","modified_at":"{{Time}}","size":2019393189,"digest":"{{Digest}}","details":{{Details}}}]}""");

    public static readonly byte[] Resident = Utf8(
        $$"""{"models":[{"name":"{{Model}}","model":"{{Model}}","size":2600000000,"digest":"{{Digest}}","details":{{Details}},"expires_at":"2126-01-05T09:30:00Z","size_vram":2600000000,"context_length":4096}]}""");

    public static readonly byte[] Show = Utf8(
        $$"""{"modelfile":"FROM {{Model}}","parameters":"","template":"","details":{{Details}},"model_info":{"general.architecture":"llama","llama.context_length":131072},"capabilities":["completion","tools"],"modified_at":"{{Time}}"}""");

    public static readonly byte[] NotFound = """{"error":"there is no such path"}"""u8.ToArray();

    /// <summary>The whole answer of <c>/api/chat</c>, about 600 bytes.</summary>
    public static readonly byte[] OllamaAnswer = Utf8($$"""{"model":"{{Model}}","created_at":"{{Time}}","message":{"role":"assistant","content":"{{Text}}"},{{Figures.TrimStart()}}""");

    /// <summary>The whole answer of <c>/v1/chat/completions</c>.</summary>
    public static readonly byte[] OpenAiAnswer = Utf8(
        $$"""{"id":"chatcmpl-417","object":"chat.completion","created":1767605400,"model":"{{Model}}","system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant","content":"{{Text}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":312,"completion_tokens":64,"total_tokens":376} }""");

    /// <summary>The lines of a streamed <c>/api/chat</c>, one a token, and the last.</summary>
    public static readonly byte[][] OllamaLines =
    [
        .. Words().Select(word => Utf8($$"""{"model":"{{Model}}","created_at":"{{Time}}","message":{"role":"assistant","content":"{{word}}"},"done":false}""" + "\n")),
        Utf8($$"""{"model":"{{Model}}","created_at":"{{Time}}","message":{"role":"assistant","content":""},{{Figures.TrimStart()}}""" + "\n"),
    ];

    /// <summary>The events of a streamed <c>/v1/chat/completions</c>, one a token, and the last two in one.</summary>
    public static readonly byte[][] OpenAiEvents =
    [
        .. Words().Select(word => Utf8("data: " + Chunk($$"""{"role":"assistant","content":"{{word}}"}""", "null"))),
        Utf8("data: " + Chunk("""{"role":"assistant","content":""}""", "\"stop\"") + "data: [DONE]\n\n"),
    ];

    /// <summary>The tokens as text.</summary>
    public static IEnumerable<string> Words() => Enumerable.Range(0, Tokens).Select(i => Payload.PacedTokens[i % (Payload.PacedTokens.Length - 1)]);

    private static string Chunk(string delta, string reason) =>
        $$"""{"id":"chatcmpl-417","object":"chat.completion.chunk","created":1767605400,"model":"{{Model}}","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{reason}}}]}""" + "\n\n";

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
