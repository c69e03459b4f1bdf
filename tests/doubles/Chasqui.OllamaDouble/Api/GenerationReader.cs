using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Chasqui.OllamaDouble;

/// <summary>The APIs that compute a text.</summary>
internal enum TextApi { Generate, Chat, OpenAiChat, OpenAiCompletions, Responses, Messages }

/// <summary>Makes a <see cref="Generation"/> of a request, with the checks and texts of Ollama (<c>server/routes.go</c>, <c>middleware/</c>; recorded).</summary>
internal sealed class GenerationReader(ModelStore store, Func<DoubleScript> script)
{
    public Generation Read(TextApi api, JsonElement json, string? blocksHeader) => api switch
    {
        TextApi.Generate => ReadGenerate(json, blocksHeader),
        TextApi.Chat => ReadChat(json, blocksHeader),
        _ => ReadForeign(api, json, blocksHeader),
    };

    private Generation ReadGenerate(JsonElement json, string? blocks)
    {
        const string Type = "GenerateRequest";
        var request = Common(json, Type, json.Text("model", Type) ?? "", blocks) with
        {
            Prompt = (json.Text("system", Type) is { } system ? system + "\n" : "") + json.Text("prompt", Type),
            LastUser = json.Text("prompt", Type) ?? "",
            Raw = json.Flag("raw", Type) ?? false,
            LoadOnly = string.IsNullOrEmpty(json.Text("prompt", Type)),
        };
        Images(request, json);
        Capability(request, "completion", "generate");
        if (json.Text("suffix", Type) is { Length: > 0 })
            Capability(request, "insert", "insert");
        if (json.Text("template", Type) is { } template && template.LastIndexOf("{{", StringComparison.Ordinal) > template.LastIndexOf("}}", StringComparison.Ordinal))
            throw new ApiException(500, "template: :1: unclosed action");
        return request;
    }

    private Generation ReadChat(JsonElement json, string? blocks)
    {
        const string Type = "ChatRequest";
        var name = json.Text("model", Type);
        if (string.IsNullOrEmpty(name))
            throw new ApiException(400, "model is required");
        var tools = json.Array("tools", Type, "api.Tools");
        var messages = json.Array("messages", Type, "[]api.Message");
        var request = Conversation(Common(json, Type, name, blocks), messages, "") with { Tools = Tools(tools) };
        request = request with { LoadOnly = messages is null || messages.Value.GetArrayLength() == 0 };
        Capability(request, "completion", "chat");
        if (request.Tools is not null)
            Capability(request, "tools", "tools");
        return request;
    }

    private Generation ReadForeign(TextApi api, JsonElement json, string? blocks)
    {
        var type = api switch { TextApi.OpenAiChat => "ChatCompletionRequest", TextApi.OpenAiCompletions => "CompletionRequest", TextApi.Responses => "ResponsesRequest", _ => "MessagesRequest" };
        var limit = json.Number(api == TextApi.Responses ? "max_output_tokens" : "max_tokens", type, "int");
        json.Number("temperature", type, "float64");
        var messages = api is TextApi.OpenAiChat or TextApi.Messages ? json.Array("messages", type, "[]Message") : null;
        if (api == TextApi.Responses && script().IsLlamaCpp && json.Get("input") is null)
            throw new ApiException(400, "'input' is required");
        if (api == TextApi.Messages && limit is not > 0)
            throw new ApiException(400, "max_tokens is required and must be positive");
        if (api == TextApi.Messages && messages is null)
            throw new ApiException(400, "messages is required");
        if (api == TextApi.OpenAiChat && (messages is null || messages.Value.GetArrayLength() == 0))
            throw new ApiException(400, "[] is too short - 'messages'");
        var prompt = api == TextApi.OpenAiCompletions ? json.Text("prompt", type) ?? "" : null;
        var effort = json.Text("reasoning_effort", type) ?? json.Get("reasoning")?.Get("effort")?.GetString();
        if (effort is not (null or "" or "minimal" or "low" or "medium" or "high" or "xhigh" or "ultra" or "max" or "none"))
            throw new ApiException(400, $"invalid reasoning value: \"{effort}\" (must be \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\", \"ultra\", \"max\", or \"none\")");
        CheckParts(messages);

        var request = Common(json, type, json.Text("model", type) ?? "", blocks);
        request = request with
        {
            Stream = json.Flag("stream", type) ?? false,
            Limit = (int)(limit ?? 0),
            Seed = (long)(json.Number("seed", type, "int") ?? 0),
            Stops = Strings(json.Get("stop") ?? json.Get("stop_sequences")),
            Think = request.Model.Script.Can("thinking") && effort != "none" && json.Get("thinking")?.Get("type")?.GetString() != "disabled",
            IncludeUsage = request.Model.Script.CountsTokens && json.Get("stream_options")?.Get("include_usage") is { ValueKind: JsonValueKind.True },
            Tools = script().IsLlamaCpp && !request.Model.Script.Can("tools") ? null : Tools(json.Array("tools", type, "[]api.Tool")),
            MustCall = script().IsLlamaCpp && MustCall(json.Get("tool_choice")),
            Format = ForeignFormat(json),
        };
        request = api switch
        {
            TextApi.OpenAiCompletions => request with { Prompt = prompt!, LastUser = prompt!, LoadOnly = prompt!.Length == 0 },
            TextApi.Responses => Responses(request, json),
            _ => Conversation(request, messages, json.Get("system") is { } system ? TextOf(system) : ""),
        };
        Capability(request, "completion", api == TextApi.OpenAiCompletions ? "generate" : "chat");
        if (request.Tools is not null)
            Capability(request, "tools", "tools");
        return request;
    }

    private Generation Common(JsonElement json, string type, string name, string? blocksHeader)
    {
        json.Flag("stream", type);
        var options = json.Get("options") is { } given ? given.ValueKind == JsonValueKind.Object ? given : throw JsonBody.Mismatch(given, "options", type, "map[string]interface {}") : default;
        if (json.Get("top_logprobs") is { ValueKind: JsonValueKind.Number } top && top.GetDouble() is < 0 or > 20)
            throw new ApiException(400, "top_logprobs must be between 0 and 20");
        var asked = Think(json);
        var model = Find(name);
        if (asked is true && !model.Script.Can("thinking"))
            throw new ApiException(400, $"\"{name}\" does not support thinking");
        var format = json.Get("format");
        if (format is { ValueKind: not JsonValueKind.Object } odd && !(odd.ValueKind == JsonValueKind.String && odd.GetString() is "" or "json"))
            throw new ApiException(500, $"invalid format: {JsonSerializer.Serialize(odd.GetRawText(), ScriptJson.Plain)}; expected \"json\" or a valid JSON Schema object");
        return new Generation
        {
            Model = model,
            ModelText = name,
            Request = json,
            Prompt = "",
            Stream = json.Flag("stream", type) ?? true,
            Runner = Runner(json, options),
            KeepAlive = KeepAlive(json),
            Limit = Whole(options, "num_predict") ?? 0,
            Seed = Whole(options, "seed") ?? 0,
            Stops = Strings(options.Get("stop")),
            Think = asked ?? model.Script.Can("thinking"),
            Format = format is { ValueKind: JsonValueKind.String } text && text.GetString() == "" ? null : format,
            Logprobs = json.Get("logprobs") is { ValueKind: JsonValueKind.True },
            TopLogprobs = json.Get("top_logprobs") is { ValueKind: JsonValueKind.Number } most ? most.GetInt32() : 0,
            Blocks = Blocks(blocksHeader, options.Get("prompt_blocks") ?? json.Get("prompt_blocks")),
        };
    }

    public StoredModel Find(string name)
    {
        if (name.Length == 0)
            throw new ApiException(404, "model '' not found");
        if (!ModelName.TryParse(name, out var canonical))
            throw new ApiException(400, "invalid model name");
        return store.Find(canonical) ?? throw new ApiException(404, $"model '{name}' not found");
    }

    public static RunnerOptions Runner(JsonElement json, JsonElement options) => new(
        Whole(options, "num_ctx"), Whole(options, "num_batch"), Whole(options, "num_gpu"), Whole(options, "main_gpu"),
        options.Get("use_mmap") is { } map ? map.ValueKind == JsonValueKind.True : null, Whole(options, "num_thread"),
        json.Get("shift") is not { ValueKind: JsonValueKind.False });

    public static TimeSpan? KeepAlive(JsonElement json) => json.Get("keep_alive") switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number => GoDuration.FromSeconds(number.GetDouble()),
        { ValueKind: JsonValueKind.String } text => GoDuration.Parse(text.GetString()!) ?? throw new ApiException(400, $"time: invalid duration \"{text.GetString()}\""),
        { } other => throw new ApiException(400, $"Unsupported type: '{other.ValueKind}'"),
    };

    /// <summary>Names of blocks, from a header with numbers between commas or from a list in the request.</summary>
    private static long[]? Blocks(string? header, JsonElement? list)
    {
        if (header is not null)
        {
            return [.. header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(part => long.TryParse(part, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var block) ? block : throw new ApiException(400, $"X-Prompt-Blocks must be whole numbers between commas, not \"{part}\""))];
        }
        return list is not { ValueKind: JsonValueKind.Array } array ? null
            : [.. array.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var block) ? block : throw new ApiException(400, "prompt_blocks must be a list of whole numbers"))];
    }

    private static int? Whole(JsonElement options, string name) => options.Get(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number => (int)Math.Clamp(number.GetDouble(), int.MinValue, int.MaxValue),
        _ => throw new ApiException(500, $"option \"{name}\" must be of type integer"),
    };

    private static bool? Think(JsonElement json) => json.Get("think") switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.String } text => text.GetString() is "high" or "medium" or "low" or "max" ? true
            : throw new ApiException(400, $"invalid think value: \"{text.GetString()}\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"),
        _ => throw new ApiException(400, "think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or false)"),
    };

    private static void Capability(Generation request, string capability, string verb)
    {
        if (request.Model.Script.Can(capability))
            return;
        // Recorded: the two ways in which Ollama names the model here.
        var name = capability == "completion" ? $"\"{request.ModelText}\"" : ModelName.Full(request.Model.Name);
        throw new ApiException(400, $"{name} does not support {verb}");
    }

    private static void Images(Generation request, JsonElement json)
    {
        if (json.Get("images") is not { ValueKind: JsonValueKind.Array } images || images.GetArrayLength() == 0)
            return;
        foreach (var image in images.EnumerateArray())
        {
            if (image.ValueKind != JsonValueKind.String || !image.TryGetBytesFromBase64(out _))
                throw new ApiException(400, "illegal base64 data at input byte 0");
        }
        if (!request.Model.Script.Can("vision"))
            throw new ApiException(400, "{\"error\":{\"code\":400,\"message\":\"Multimodal data provided, but model does not support multimodal requests.\",\"type\":\"invalid_request_error\"}}");
    }

    private static JsonElement? Tools(JsonElement? tools) => tools is { } list && list.GetArrayLength() > 0 ? list : null;

    private static JsonElement? ForeignFormat(JsonElement json)
    {
        var format = json.Get("response_format") ?? json.Get("text")?.Get("format");
        return format?.Get("type")?.GetString() switch
        {
            "json_object" => format?.Get("type"),
            "json_schema" => format?.Get("json_schema")?.Get("schema") ?? format?.Get("schema"),
            _ => null,
        };
    }

    private static IReadOnlyList<string> Strings(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } one => [one.GetString()!],
        { ValueKind: JsonValueKind.Array } several => [.. several.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)],
        _ => [],
    };

    private static void CheckParts(JsonElement? messages)
    {
        foreach (var message in Items(messages))
        {
            if (message.Get("content") is { ValueKind: JsonValueKind.Number })
                throw new ApiException(400, "invalid message content type: float64");
            if (message.Get("content") is { ValueKind: JsonValueKind.Array } parts
                && parts.EnumerateArray().Any(part => part.Get("type")?.GetString() is not ("text" or "image_url" or "image" or "tool_use" or "tool_result" or "thinking" or "redacted_thinking" or "document" or "input_audio")))
                throw new ApiException(400, "invalid message format");
        }
    }

    private static bool MustCall(JsonElement? choice) => choice switch
    {
        { ValueKind: JsonValueKind.String } mode => mode.GetString() == "required",
        { ValueKind: JsonValueKind.Object } chosen => chosen.Get("type")?.GetString() is "any" or "tool" or "function",
        _ => false,
    };

    private static Generation Responses(Generation request, JsonElement json)
    {
        var system = json.Get("instructions")?.GetString() ?? "";
        return json.Get("input") switch
        {
            { ValueKind: JsonValueKind.Array } items => Conversation(request, items, system),
            { ValueKind: JsonValueKind.String } text => request with { Prompt = system + "\nuser\n" + text.GetString(), LastUser = text.GetString()! },
            _ => request with { Prompt = system, LoadOnly = true },
        };
    }

    private static Generation Conversation(Generation request, JsonElement? messages, string system)
    {
        var text = new StringBuilder(system);
        var (last, begun) = ("", "");
        foreach (var message in Items(messages))
        {
            var role = message.Get("role")?.ToString() ?? "";
            var content = message.Get("content") is { } given ? TextOf(given) : "";
            text.Append(role).Append('\n').Append(content).Append('\n');
            last = role.Equals("user", StringComparison.OrdinalIgnoreCase) ? content : "";
            begun = role.Equals("assistant", StringComparison.OrdinalIgnoreCase) ? content : "";
            Images(request, message);
        }
        return request with { Prompt = text.ToString(), LastUser = last, Begun = begun };
    }

    private static JsonElement.ArrayEnumerator Items(JsonElement? list) => list?.EnumerateArray() ?? default;

    private static string TextOf(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => content.GetString()!,
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select(part => part.Get("text")?.ToString() ?? (part.Get("content") is { } inner ? TextOf(inner) : ""))),
        _ => "",
    };
}
