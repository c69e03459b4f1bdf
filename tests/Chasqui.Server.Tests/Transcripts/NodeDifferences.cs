namespace Chasqui.Server.Tests;

/// <summary>Where an answer through a gateway before a double of Ollama differs from the recorded one, and why.</summary>
internal static class NodeDifferences
{
    private const string NoFile = "the double has the files from the start";
    private const string Render = "the double renders no templates";
    private const string Schema = "the text is llama-server's grammar compiler's";
    private const string Show = "the double keeps no MESSAGE of a model";
    private const string Layers = "the double keeps no layers, and converts nothing";
    private const string Engine = "the double gives llama-server's errors the headers of Ollama's own";

    /// <summary>Cases that say nothing of the gateway, because the double does not do what Ollama does.</summary>
    public static IReadOnlyDictionary<string, string> NotReplayed { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["blob-post-new"] = NoFile,
        ["blob-post-f16"] = NoFile,
        ["blob-post-embed"] = NoFile,
        ["chat-role-uppercase"] = Render,
        ["chat-system-model"] = Render,
        ["chat-system-model-override"] = Render,
        ["generate-format-bad-schema"] = Schema,
        ["generate-format-number"] = Engine,
        ["show-sys"] = Show,
    };

    /// <summary>Cases in which it is the gateway that answers, and otherwise than Ollama on purpose; and those that are sent, but of whose answer only the status can be compared.</summary>
    public static IReadOnlyList<DeliberateDifference> All { get; } =
    [
        .. DeliberateDifferences.All.Where(difference => difference.Case is "create-bad-quantize" or "push-missing"),
        .. new[] { "create-template-tools", "create-existing-again", "create-bad-parameter", "create-quantize" }.Select(name => new DeliberateDifference(name, Layers, 200, null)),
        .. OpenAiDifferences.All.Where(difference => difference.Case is "v1-models-empty" or "v1-model-get-tag" or "v1-responses" or "v1-responses-items"),
    ];
}
