namespace Chasqui.Server.Tests;

/// <summary>A case in which the answer differs from Ollama's on purpose.</summary>
/// <param name="Case">The case's name in the transcripts.</param>
/// <param name="Row">The row of the table in the API's document that says why.</param>
/// <param name="Status">Our status.</param>
/// <param name="Error">How our error's text begins; null where the answer is no error.</param>
internal sealed record DeliberateDifference(string Case, string Row, int Status, string? Error)
{
    /// <summary>The places at which our answer differs, where all the rest of it is as recorded; empty where its shape is another.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];
}

/// <summary>All of them.</summary>
internal static class DeliberateDifferences
{
    private const string TypeErrors = "A field of the wrong type";
    private const string BadRequest = "A wrong option, format or template";
    private const string Insert = "A suffix for a model that knows none";
    private const string EngineText = "Texts of llama-server that Ollama passes on";
    private const string Length = "A text longer than the context, with `truncate: false`";
    private const string Embeds = "Vectors from a model that is made for chat";

    private const string Conversion = "Converting weights";
    private const string Parameters = "A parameter of the wrong type in `create`";
    private const string Push = "A push of a model that is not there";

    /// <summary>Rows of the table that other tests hold.</summary>
    public static IReadOnlyList<string> Unrecorded { get; } =
    [
        "JSON that cannot be parsed", "An answer that says one token for ever", "Nesting deeper than 64", "A request body above 64 MiB", "The nearest names of a missing model",
        "No memory for a model", "`/api/version`", "A failure inside the gateway",
        "Models in places that are only read", "LoRA adapters, safetensors, models in several files", "An upload that is not what its digest says", "A registry named with `http://`",
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
        new("create-quantize", Conversion, 200, "\"quantize\" is Q4_K_M, but the weights are Q8_0"),
        new("create-bad-quantize", Conversion, 400, "unsupported quantization type Q9_9 - supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0"),
        new("delete-cleanup3", Conversion, 404, "model 'mini-q4:latest' not found"),
        new("create-bad-parameter", Parameters, 400, "the parameter \"temperature\" must be a number"),
        new("delete-cleanup5", Parameters, 404, "model 'x1' not found"),
        new("push-missing", Push, 200, "model 'http://127.0.0.1:9/me/zz' not found"),
        new("embed-non-embedding-model", Embeds, 200, null),
        new("embeddings-non-embedding-model", Embeds, 200, null),
    ];
}
