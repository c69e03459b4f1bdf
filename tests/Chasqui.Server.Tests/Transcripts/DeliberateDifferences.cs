namespace Chasqui.Server.Tests;

/// <summary>A case in which the answer differs from Ollama's on purpose.</summary>
/// <param name="Case">The case's name in the transcripts.</param>
/// <param name="Row">The row of the table in <c>docs/ollama-api.md</c> that says why.</param>
/// <param name="Status">Our status.</param>
/// <param name="Error">How our error's text begins; null where the answer is no error.</param>
internal sealed record DeliberateDifference(string Case, string Row, int Status, string? Error);

/// <summary>All of them.</summary>
internal static class DeliberateDifferences
{
    private const string TypeErrors = "A field of the wrong type";
    private const string BadRequest = "A wrong option, format or template";
    private const string Insert = "A suffix for a model that knows none";
    private const string EngineText = "Texts of llama-server that Ollama passes on";
    private const string Length = "A text longer than the context, with `truncate: false`";
    private const string Embeds = "Vectors from a model that is made for chat";

    /// <summary>Rows of the table that other tests hold.</summary>
    public static IReadOnlyList<string> Unrecorded { get; } =
    [
        "JSON that cannot be parsed", "Nesting deeper than 64", "A request body above 64 MiB", "The nearest names of a missing model",
        "No memory for a model", "`/api/version`", "A failure inside the gateway",
    ];

    public static IReadOnlyList<DeliberateDifference> All { get; } =
    [
        new("generate-wrong-type-stream", TypeErrors, 400, "\"stream\" must be a boolean, not a string"),
        new("generate-wrong-type-options", TypeErrors, 400, "\"options\" must be an object, not an array"),
        new("chat-tools-wrong-type", TypeErrors, 400, "\"tools\" must be an array, not an object"),
        new("generate-numctx-string", BadRequest, 400, "option \"num_ctx\" must be of type integer"),
        new("generate-format-bad-string-nostream", BadRequest, 400, "invalid format: \"\\\"xml\\\"\"; expected \"json\" or a valid JSON Schema object"),
        new("generate-format-number", BadRequest, 400, "invalid format: \"5\"; expected \"json\" or a valid JSON Schema object"),
        new("generate-bad-template", BadRequest, 400, "template: :1: unclosed action"),
        new("generate-suffix-unsupported", Insert, 400, "\"mini\" does not support insert"),
        new("generate-format-bad-schema", EngineText, 400, "format: at #: unrecognized type \"wat\""),
        new("generate-images-text-model", EngineText, 400, "\"mini\" does not support vision"),
        new("chat-images-text-model", EngineText, 400, "\"mini\" does not support vision"),
        new("embed-long-truncate-false", Length, 400, "the input length exceeds the context length: 2001 tokens, where 1024 fit"),
        new("embed-non-embedding-model", Embeds, 200, null),
        new("embeddings-non-embedding-model", Embeds, 200, null),
    ];
}
