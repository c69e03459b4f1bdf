using System.Text.Json;
using Chasqui.Engines;

namespace Chasqui.Server;

/// <summary>The fields that <c>/api/generate</c> and <c>/api/chat</c> share, as read.</summary>
internal abstract class GenerationFields
{
    private string _model = "";
    private bool? _stream;
    private bool? _truncate;
    private bool? _shift;
    private bool _logprobs;
    private int _topLogprobs;
    private bool _renderOnly;
    private bool _alone;

    public string Model => _model;

    public bool Stream => _stream ?? true;

    public TimeSpan? KeepAlive { get; private set; }

    public GenerationOptions Options { get; private set; } = GenerationOptions.Default;

    /// <summary>Nothing is to be said and the model is to go.</summary>
    public bool Unloads => KeepAlive == TimeSpan.Zero;

    protected OutputFormat? Format { get; private set; }

    protected string? Think { get; private set; }

    /// <summary>Reads a whole request; field names match whatever their case, as in Go.</summary>
    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
            ReadField(member.Name.ToLowerInvariant(), member.Value);
        if (_topLogprobs is < 0 or > 20)
            throw new InvalidRequestException("top_logprobs must be between 0 and 20");
    }

    protected abstract void ReadOwnField(string name, JsonElement value);

    /// <summary>Sets what is common to both kinds of request.</summary>
    protected T Common<T>(T request) where T : GenerationRequest => request with
    {
        Options = Options,
        Format = Format,
        Think = Think,
        KeepAlive = KeepAlive,
        Logprobs = _logprobs,
        TopLogprobs = _logprobs ? _topLogprobs : 0,
        Truncate = _truncate ?? true,
        Shift = _shift ?? true,
        Alone = _alone,
        RenderOnly = _renderOnly,
    };

    protected static List<ReadOnlyMemory<byte>> ReadImages(JsonElement value)
    {
        var images = new List<ReadOnlyMemory<byte>>();
        foreach (var image in Field.Items("images", value))
            images.Add(Field.Base64("images", image));
        return images;
    }

    private void ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "model":
                Field.Read(name, value, ref _model);
                break;
            case "stream":
                Field.Read(name, value, ref _stream);
                break;
            case "format":
                Format = ReadFormat(value);
                break;
            case "keep_alive":
                KeepAlive = Server.KeepAlive.Read(value);
                break;
            case "options":
                Options = OptionsReader.Read(value, Options, ref _alone);
                break;
            case "think":
                Think = ReadThink(value);
                break;
            case "truncate":
                Field.Read(name, value, ref _truncate);
                break;
            case "shift":
                Field.Read(name, value, ref _shift);
                break;
            case "logprobs":
                Field.Read(name, value, ref _logprobs);
                break;
            case "top_logprobs":
                Field.Read(name, value, ref _topLogprobs);
                break;
            case "_debug_render_only":
                Field.Read(name, value, ref _renderOnly);
                break;
            case "alone":
                Field.Read(name, value, ref _alone);
                break;
            default:
                ReadOwnField(name, value);
                break;
        }
    }

    private static OutputFormat? ReadFormat(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Object => OutputFormat.FromSchema(value),
        JsonValueKind.String when value.ValueEquals(""u8) => null,
        JsonValueKind.String when value.ValueEquals("json"u8) => OutputFormat.Json,
        _ => throw new InvalidRequestException(
            $"invalid format: {GoQuote.Quote(Field.Clip(value.GetRawText()))}; expected \"json\" or a valid JSON Schema object"),
    };

    private static string? ReadThink(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.String when value.GetString() is "high" or "medium" or "low" or "max" => value.GetString(),
        JsonValueKind.String => throw new InvalidRequestException(
            $"invalid think value: {GoQuote.Quote(Field.Clip(value.GetString()!))} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"),
        _ => throw new InvalidRequestException("think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or false)"),
    };
}
