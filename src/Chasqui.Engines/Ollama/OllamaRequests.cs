using System.Text.Json;
using Chasqui.Engines.Http;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.Ollama;

/// <summary>Requests as Ollama's API has them (<c>api/types.go</c>).</summary>
internal static class OllamaRequests
{
    /// <param name="request">The request.</param>
    /// <param name="isChasqui">Whether the node understands Chasqui's own fields.</param>
    /// <exception cref="InvalidRequestException">It has something that cannot be said in Ollama's API.</exception>
    public static ReadOnlyMemory<byte> Generate(GenerateRequest request, bool isChasqui)
    {
        if (request.Prompt.Length == 0)
            throw new InvalidRequestException("the prompt is empty, which Ollama's API takes for a request to load the model; give a prompt");
        if (request.System is "")
            throw new InvalidRequestException("Ollama's API cannot leave out the model's own system text; give a text, or leave system out");
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", request.Model);
            json.WriteString("prompt", request.Prompt);
            json.Member("suffix", request.Suffix);
            json.Member("system", request.System);
            json.Member("template", request.Template);
            json.Unless("raw", request.Raw, false);
            if (request.Context is { } context)
            {
                json.WriteStartArray("context");
                foreach (var token in context)
                    json.WriteNumberValue(token);
                json.WriteEndArray();
            }
            Images(json, request.Images);
            Common(json, request, isChasqui);
        });
    }

    /// <inheritdoc cref="Generate"/>
    public static ReadOnlyMemory<byte> Chat(ChatRequest request, bool isChasqui)
    {
        if (request.Messages.Count == 0)
            throw new InvalidRequestException("there are no messages, which Ollama's API takes for a request to load the model; give at least one");
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", request.Model);
            json.WritePropertyName("messages");
            // Few templates show ids, so the order must say which result is whose.
            Messages(json, ToolResults.InOrderOfCalls(request.Messages));
            json.Member("tools", request.Tools);
            Common(json, request, isChasqui);
        });
    }

    /// <exception cref="InvalidRequestException">It asks for vectors as the model made them.</exception>
    public static ReadOnlyMemory<byte> Embed(EmbedRequest request)
    {
        if (!request.Normalize)
            throw new InvalidRequestException("Ollama's API scales every vector to length 1; leave normalize at true");
        if (request.TokenInputs.Count > 0)
            throw new InvalidRequestException("Ollama's API takes no token ids; send the texts");
        request.Options.Validate();
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", request.Model);
            json.Member("input", request.Inputs);
            json.Unless("truncate", request.Truncate, true);
            json.Member("dimensions", request.Dimensions);
            Options(json, request.Options);
            KeepAlive(json, request.KeepAlive);
        });
    }

    /// <summary>A request of <c>/api/generate</c> that only loads.</summary>
    public static ReadOnlyMemory<byte> Load(LoadRequest request)
    {
        request.Options.Validate();
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", request.Model);
            json.WriteBoolean("stream", false);
            Options(json, request.Options);
            KeepAlive(json, request.KeepAlive);
        });
    }

    /// <summary>A request of <c>/api/embed</c> that only loads, for models that cannot generate.</summary>
    public static ReadOnlyMemory<byte> LoadForEmbedding(LoadRequest request) => JsonWriting.Object(json =>
    {
        json.WriteString("model", request.Model);
        json.WriteStartArray("input");
        json.WriteEndArray();
        Options(json, request.Options);
        KeepAlive(json, request.KeepAlive);
    });

    /// <summary>A request of <c>/api/generate</c> that only unloads.</summary>
    public static ReadOnlyMemory<byte> Unload(string model) => JsonWriting.Object(json =>
    {
        json.WriteString("model", model);
        json.WriteBoolean("stream", false);
        json.WriteNumber("keep_alive", 0);
    });

    public static ReadOnlyMemory<byte> Named(string model) => JsonWriting.Object(json => json.WriteString("model", model));

    public static ReadOnlyMemory<byte> Transfer(TransferRequest request) => JsonWriting.Object(json =>
    {
        json.WriteString("model", request.Model);
        json.Unless("insecure", request.Insecure, false);
        json.WriteBoolean("stream", true);
    });

    public static ReadOnlyMemory<byte> Copy(string source, string destination) => JsonWriting.Object(json =>
    {
        json.WriteString("source", source);
        json.WriteString("destination", destination);
    });

    public static ReadOnlyMemory<byte> Create(CreateRequest request) => JsonWriting.Object(json =>
    {
        json.WriteString("model", request.Model);
        json.Member("from", request.From);
        json.Member("files", request.Files);
        json.Member("adapters", request.Adapters);
        json.Member("template", request.Template);
        json.Member("system", request.System);
        json.Member("license", request.Licenses);
        json.Member("parameters", request.Parameters);
        if (request.Messages is { } messages)
        {
            json.WritePropertyName("messages");
            Messages(json, messages);
        }
        json.Member("quantize", request.Quantize);
        json.WriteBoolean("stream", true);
    });

    private static void Common(Utf8JsonWriter json, GenerationRequest request, bool isChasqui)
    {
        request.Options.Validate();
        if (request.TopLogprobs is < 0 or > 20)
            throw new InvalidOptionException("top_logprobs", $"{request.TopLogprobs}", "a whole number from 0 to 20");
        json.WriteBoolean("stream", true);
        if (request.Format is { } format)
        {
            if (format.Schema is { } schema)
                json.Member("format", schema);
            else
                json.WriteString("format", "json");
        }
        if (request.Think is { } think)
        {
            if (think is "true" or "false")
                json.WriteBoolean("think", think == "true");
            else
                json.WriteString("think", think);
        }
        Options(json, request.Options);
        KeepAlive(json, request.KeepAlive);
        json.Unless("logprobs", request.Logprobs, false);
        if (request.TopLogprobs > 0)
            json.WriteNumber("top_logprobs", request.TopLogprobs);
        json.Unless("truncate", request.Truncate, true);
        json.Unless("shift", request.Shift, true);
        json.Unless("_debug_render_only", request.RenderOnly, false);
        if (request.Alone && !isChasqui)
            throw new InvalidRequestException("an Ollama node cannot decode a request in steps of its own; leave alone out");
        json.Unless("alone", request.Alone, false);
    }

    private static void Messages(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages)
    {
        json.WriteStartArray();
        foreach (var message in messages)
        {
            json.WriteStartObject();
            json.WriteString("role", message.Role);
            json.WriteString("content", message.Content);
            json.Member("thinking", message.Thinking);
            Images(json, message.Images);
            if (message.ToolCalls is { } calls)
            {
                json.WritePropertyName("tool_calls");
                ToolCallForms.WriteOllama(json, ToolCallForms.Read(calls));
            }
            json.Member("tool_name", message.ToolName);
            json.Member("tool_call_id", message.ToolCallId);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Images(Utf8JsonWriter json, IReadOnlyList<ReadOnlyMemory<byte>> images)
    {
        if (images.Count == 0)
            return;
        json.WriteStartArray("images");
        foreach (var image in images)
            json.WriteBase64StringValue(image.Span);
        json.WriteEndArray();
    }

    private static void Options(Utf8JsonWriter json, GenerationOptions options)
    {
        if (options == GenerationOptions.Default)
            return;
        json.WriteStartObject("options");
        json.Member("num_ctx", options.NumCtx);
        json.Member("num_batch", options.NumBatch);
        json.Member("num_thread", options.NumThread);
        json.Member("num_keep", options.NumKeep);
        json.Member("num_predict", options.NumPredict);
        json.Member("temperature", options.Temperature);
        json.Member("top_k", options.TopK);
        json.Member("top_p", options.TopP);
        json.Member("min_p", options.MinP);
        json.Member("typical_p", options.TypicalP);
        json.Member("repeat_last_n", options.RepeatLastN);
        json.Member("repeat_penalty", options.RepeatPenalty);
        json.Member("presence_penalty", options.PresencePenalty);
        json.Member("frequency_penalty", options.FrequencyPenalty);
        json.Member("seed", options.Seed);
        json.Member("stop", options.Stop);
        json.WriteEndObject();
    }

    // Whole seconds as a number, which every version reads; else nanoseconds, Go's finest unit. For ever is a negative number.
    private static void KeepAlive(Utf8JsonWriter json, TimeSpan? keepAlive)
    {
        if (keepAlive is not { } time)
            return;
        if (time < TimeSpan.Zero || time.Ticks > long.MaxValue / 100)
            json.WriteNumber("keep_alive", -1);
        else if (time.Ticks % TimeSpan.TicksPerSecond == 0)
            json.WriteNumber("keep_alive", time.Ticks / TimeSpan.TicksPerSecond);
        else
            json.WriteString("keep_alive", FormattableString.Invariant($"{time.Ticks * 100}ns"));
    }
}
