using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.OpenAi;

/// <summary>Requests in OpenAI's form, with each server's extensions. What cannot be said is refused by name.</summary>
/// <param name="server">Who is asked.</param>
/// <param name="node">Its name, for errors.</param>
/// <param name="countsTokens">Whether a stream asks for the count of tokens.</param>
internal sealed class OpenAiRequests(OpenAiServer server, string node, bool countsTokens = true)
{
    /// <summary>Whether streams ask for the count of tokens.</summary>
    public bool CountsTokens => countsTokens;

    /// <summary>The same, but streams do not ask for the count of tokens.</summary>
    public OpenAiRequests WithoutCount() => new(server, node, countsTokens: false);

    /// <summary>A request of <c>/v1/chat/completions</c>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="goesOn">Whether its last turn is one of the assistant's that is to be gone on with.</param>
    public ReadOnlyMemory<byte> Chat(ChatRequest request, bool goesOn = false)
    {
        if (goesOn && server.Kind is OpenAiServerKind.Other or OpenAiServerKind.LmStudio)
            throw new UnsupportedCapabilityException(request.Model, $"going on with an answer at node '{node}', because {server.Product} is not known to do so");
        if (request.Messages.Count == 0)
            throw new InvalidRequestException("there are no messages; give at least one");
        Check(request);
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", Id(request.Model));
            json.WritePropertyName("messages");
            OpenAiMessages.Write(json, request.Messages, server.Kind);
            OpenAiTools.Write(json, request, server.Kind);
            // Where the last turn is the assistant's, it is not ended but gone on with; llama.cpp's server does so unasked.
            if (goesOn && server.Kind == OpenAiServerKind.Vllm)
            {
                json.WriteBoolean("continue_final_message", true);
                json.WriteBoolean("add_generation_prompt", false);
            }
            Streamed(json);
            OpenAiOptions.Write(json, request.Options, server, node);
            // Where the answer is a call, there is no text that has a form; but for a second language of Ollama's, which is held to a call by its form.
            if (request.ToolChoice is not { IsForced: true } || server.Kind == OpenAiServerKind.Ollama)
                ResponseFormat(json, request.Format);
            Think(json, request.Think);
            if (request.Logprobs)
            {
                json.WriteBoolean("logprobs", true);
                if (request.TopLogprobs > 0)
                    json.WriteNumber("top_logprobs", request.TopLogprobs);
            }
        });
    }

    /// <summary>A request of <c>/v1/completions</c>: a prompt as it is, or, at an Ollama, one with a suffix.</summary>
    public ReadOnlyMemory<byte> Completion(GenerateRequest request)
    {
        Check(request);
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", Id(request.Model));
            json.WriteString("prompt", request.Prompt);
            json.Member("suffix", request.Suffix is { Length: > 0 } suffix ? suffix : null);
            Streamed(json);
            OpenAiOptions.Write(json, request.Options, server, node);
            if (server.Kind == OpenAiServerKind.LlamaCpp)
                Schema(json, request.Format);
            else
                ResponseFormat(json, request.Format);
            // Here it is a number, of which some servers take none for "no".
            if (request.Logprobs)
                json.WriteNumber("logprobs", Math.Max(1, request.TopLogprobs));
        });
    }

    /// <summary>A prompt under the model's template as a conversation of one turn.</summary>
    public static ChatRequest AsChat(GenerateRequest request) => new()
    {
        Model = request.Model,
        Options = request.Options,
        Format = request.Format,
        Think = request.Think,
        KeepAlive = request.KeepAlive,
        Logprobs = request.Logprobs,
        TopLogprobs = request.TopLogprobs,
        Truncate = request.Truncate,
        Shift = request.Shift,
        Alone = request.Alone,
        RenderOnly = request.RenderOnly,
        SoFar = request.SoFar,
        Messages =
        [
            .. request.System is { Length: > 0 } system ? (ChatMessage[])[new ChatMessage { Role = "system", Content = system }] : [],
            new ChatMessage { Role = "user", Content = request.Prompt, Images = request.Images },
        ],
    };

    /// <summary>Whether a prompt goes to <c>/v1/completions</c>; the others become a chat.</summary>
    /// <exception cref="InvalidRequestException">It has something that no path of this server carries.</exception>
    public bool IsCompletion(GenerateRequest request)
    {
        if (request.Context is { Count: > 0 })
            throw Cannot("context", "send the earlier turns as a chat");
        if (!string.IsNullOrEmpty(request.Template))
            throw Cannot("template", "the server has the model's own");
        if (request.RenderOnly && (request.Raw || request.Suffix is { Length: > 0 }))
            throw Cannot($"_debug_render_only beside {(request.Raw ? "raw" : "suffix")}", "leave it out, since no template of the node's is asked for");
        var ollama = server.Kind == OpenAiServerKind.Ollama;
        if (request.Suffix is { Length: > 0 })
        {
            if (!ollama || request.Raw)
                throw Cannot("suffix", "put the model's own marks into a raw prompt");
            if (request.Images.Count > 0 || request.System is { Length: > 0 })
                throw Cannot(request.Images.Count > 0 ? "images beside a suffix" : "system beside a suffix", "leave it out");
            return true;
        }
        if (!request.Raw)
            return false;
        if (ollama)
            throw Cannot("raw", "it puts the model's template around every prompt; make it a node of Ollama's kind");
        if (request.Images.Count > 0)
            throw Cannot("images in a raw prompt", "send them in a chat");
        return request.System is { Length: > 0 }
            ? throw new InvalidRequestException("raw mode does not support template, system, or context")
            : true;
    }

    /// <summary>A request of <c>/v1/embeddings</c>.</summary>
    public ReadOnlyMemory<byte> Embed(EmbedRequest request)
    {
        OpenAiOptions.Check(request.Options, request.KeepAlive, server, node);
        if (!request.Normalize && server.Kind != OpenAiServerKind.LlamaCpp)
            throw Cannot("normalize: false", "leave it at true");
        if (request.TokenInputs.Count > 0 && server.Kind == OpenAiServerKind.Ollama)
            throw Cannot("token ids", "send the texts");
        return JsonWriting.Object(json =>
        {
            json.WriteString("model", Id(request.Model));
            if (request.TokenInputs.Count == 0)
                json.Member("input", request.Inputs);
            else
                Tokens(json, request.TokenInputs);
            json.WriteString("encoding_format", "base64");
            if (!request.Normalize)
                json.WriteNumber("embd_normalize", -1);
        });
    }

    private static void Tokens(Utf8JsonWriter json, IReadOnlyList<IReadOnlyList<int>> inputs)
    {
        json.WriteStartArray("input");
        foreach (var tokens in inputs)
        {
            json.WriteStartArray();
            foreach (var token in tokens)
                json.WriteNumberValue(token);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    /// <summary>A request of <c>/tokenize</c>, llama.cpp's or vLLM's.</summary>
    public ReadOnlyMemory<byte> Tokenize(TokenizeRequest request) => JsonWriting.Object(json =>
    {
        if (server.Kind == OpenAiServerKind.LlamaCpp)
        {
            json.WriteString("content", request.Text);
            json.WriteBoolean("add_special", request.AddSpecial);
            json.WriteBoolean("parse_special", request.ParseSpecial);
            return;
        }
        json.WriteString("model", Id(request.Model));
        json.WriteString("prompt", request.Text);
        json.WriteBoolean("add_special_tokens", request.AddSpecial);
    });

    /// <summary>A request of llama.cpp's <c>/apply-template</c>.</summary>
    public ReadOnlyMemory<byte> Render(ChatRequest request) => server.Kind != OpenAiServerKind.LlamaCpp
        ? throw new UnsupportedCapabilityException(request.Model, $"a request only to render the prompt at node '{node}' ({server.Product})")
        : JsonWriting.Object(json =>
        {
            json.WriteString("model", Id(request.Model));
            json.WritePropertyName("messages");
            OpenAiMessages.Write(json, request.Messages, server.Kind);
            json.Member("tools", request.Tools);
            Think(json, request.Think);
        });

    private void Streamed(Utf8JsonWriter json)
    {
        json.WriteBoolean("stream", true);
        if (!countsTokens)
            return;
        json.WriteStartObject("stream_options");
        json.WriteBoolean("include_usage", true);
        json.WriteEndObject();
    }

    private static void ResponseFormat(Utf8JsonWriter json, OutputFormat? format)
    {
        if (format is null)
            return;
        json.WriteStartObject("response_format");
        json.WriteString("type", format.Schema is null ? "json_object" : "json_schema");
        if (format.Schema is { } schema)
        {
            json.WriteStartObject("json_schema");
            json.WriteString("name", "answer");
            json.WriteBoolean("strict", true);
            json.Member("schema", schema);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void Schema(Utf8JsonWriter json, OutputFormat? format)
    {
        if (format is null)
            return;
        if (format.Schema is { } schema)
        {
            json.Member("json_schema", schema);
            return;
        }
        json.WriteStartObject("json_schema");
        json.WriteString("type", "object");
        json.WriteEndObject();
    }

    // llama.cpp and vLLM switch in the template; the others know OpenAI's effort.
    private void Think(Utf8JsonWriter json, string? think)
    {
        if (think is null)
            return;
        var isSwitch = think is "true" or "false";
        if (server.Kind is OpenAiServerKind.LlamaCpp or OpenAiServerKind.Vllm)
        {
            json.WriteStartObject("chat_template_kwargs");
            json.WriteBoolean("enable_thinking", think != "false");
            if (!isSwitch)
                json.WriteString("reasoning_effort", think);
            json.WriteEndObject();
            return;
        }
        json.WriteString("reasoning_effort", think switch { "true" => "medium", "false" => "none", _ => think });
    }

    private void Check(GenerationRequest request)
    {
        OpenAiOptions.Check(request.Options, request.KeepAlive, server, node);
        if (request.TopLogprobs is < 0 or > 20)
            throw new InvalidOptionException("top_logprobs", $"{request.TopLogprobs}", "a whole number from 0 to 20");
        if (request.Alone)
            throw Cannot("alone", "leave it out");
    }

    private InvalidRequestException Cannot(string what, string instead) => new($"node '{node}' ({server.Product}) cannot take {what}; {instead}");

    private string Id(string model) => server.Find(model)?.Summary.Name ?? model;
}
