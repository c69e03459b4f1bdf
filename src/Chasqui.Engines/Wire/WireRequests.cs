using System.Text.Json;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Wire;

/// <summary>Requests of an engine as messages of the wire, and back.</summary>
public static class WireRequests
{
    /// <summary>To the wire.</summary>
    public static Messages.GenerateRequest ToWire(GenerateRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wire = new Messages.GenerateRequest
        {
            Model = request.Model,
            Prompt = request.Prompt,
            Common = Common(request),
            Raw = request.Raw,
            HasContext = request.Context is not null,
        };
        if (request.Suffix is not null)
            wire.Suffix = request.Suffix;
        if (request.System is not null)
            wire.System = request.System;
        if (request.Template is not null)
            wire.Template = request.Template;
        wire.Context.AddRange(request.Context ?? []);
        wire.Images.AddRange(request.Images.Select(i => ByteString.CopyFrom(i.Span)));
        return wire;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">A field is wrong; the message names it.</exception>
    public static GenerateRequest FromWire(Messages.GenerateRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        var request = new GenerateRequest
        {
            Model = Model(wire.Model),
            Prompt = wire.Prompt,
            Suffix = wire.HasSuffix ? wire.Suffix : null,
            System = wire.HasSystem ? wire.System : null,
            Template = wire.HasTemplate ? wire.Template : null,
            Raw = wire.Raw,
            Context = wire.HasContext ? [.. wire.Context] : null,
            Images = [.. wire.Images.Select(i => i.Memory)],
        };
        return (GenerateRequest)WithCommon(request, wire.Common);
    }

    /// <summary>To the wire.</summary>
    public static Messages.ChatRequest ToWire(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wire = new Messages.ChatRequest { Model = request.Model, Common = Common(request) };
        wire.Messages.AddRange(request.Messages.Select(ToWire));
        if (request.Tools is { } tools)
            wire.Tools = tools.GetRawText();
        if (request.ToolChoice is { } choice)
        {
            wire.ToolChoice = new Messages.ToolChoice { Required = choice.Required, Single = choice.Single };
            if (choice.Name is not null)
                wire.ToolChoice.Name = choice.Name;
        }
        return wire;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">A field is wrong; the message names it.</exception>
    public static ChatRequest FromWire(Messages.ChatRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        var request = new ChatRequest
        {
            Model = Model(wire.Model),
            Messages = [.. wire.Messages.Select(FromWire)],
            Tools = wire.HasTools ? Json("tools", wire.Tools) : null,
            ToolChoice = wire.ToolChoice is { } choice
                ? new ToolChoice { Required = choice.Required, Name = choice.HasName ? choice.Name : null, Single = choice.Single } : null,
        };
        return (ChatRequest)WithCommon(request, wire.Common);
    }

    /// <summary>To the wire.</summary>
    public static Messages.ChatMessage ToWire(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var wire = new Messages.ChatMessage { Role = message.Role, Content = message.Content };
        if (message.Thinking is not null)
            wire.Thinking = message.Thinking;
        if (message.ToolCalls is { } calls)
            wire.ToolCalls = calls.GetRawText();
        if (message.ToolName is not null)
            wire.ToolName = message.ToolName;
        if (message.ToolCallId is not null)
            wire.ToolCallId = message.ToolCallId;
        wire.Images.AddRange(message.Images.Select(i => ByteString.CopyFrom(i.Span)));
        return wire;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">The tool calls are not JSON.</exception>
    public static ChatMessage FromWire(Messages.ChatMessage wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new ChatMessage
        {
            Role = wire.Role,
            Content = wire.Content,
            Thinking = wire.HasThinking ? wire.Thinking : null,
            ToolCalls = wire.HasToolCalls ? Json("tool_calls", wire.ToolCalls) : null,
            ToolName = wire.HasToolName ? wire.ToolName : null,
            ToolCallId = wire.HasToolCallId ? wire.ToolCallId : null,
            Images = [.. wire.Images.Select(i => i.Memory)],
        };
    }

    /// <summary>To the wire.</summary>
    public static Messages.EmbedRequest ToWire(EmbedRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wire = new Messages.EmbedRequest
        {
            Model = request.Model,
            NoTruncate = !request.Truncate,
            NoNormalize = !request.Normalize,
            Options = WireOptions.ToWire(request.Options),
        };
        wire.Inputs.AddRange(request.Inputs);
        foreach (var tokens in request.TokenInputs)
        {
            var ids = new Messages.TokenIds();
            ids.Ids.AddRange(tokens);
            wire.TokenInputs.Add(ids);
        }
        if (request.Dimensions is { } dimensions)
            wire.Dimensions = dimensions;
        if (request.KeepAlive is { } keepAlive)
            wire.KeepAliveNs = WireTime.ToWire(keepAlive);
        return wire;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">A field is wrong; the message names it.</exception>
    public static EmbedRequest FromWire(Messages.EmbedRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new EmbedRequest
        {
            Model = Model(wire.Model),
            Inputs = [.. wire.Inputs],
            TokenInputs = wire.TokenInputs.Count == 0 ? [] : wire.Inputs.Count == 0 ? [.. wire.TokenInputs.Select(tokens => (IReadOnlyList<int>)[.. tokens.Ids])]
                : throw new InvalidRequestException("inputs and token_inputs are both there; send them in two requests"),
            Truncate = !wire.NoTruncate,
            Normalize = !wire.NoNormalize,
            Dimensions = wire.HasDimensions ? wire.Dimensions : null,
            Options = WireOptions.FromWire(wire.Options),
            KeepAlive = wire.HasKeepAliveNs ? WireTime.FromWire(wire.KeepAliveNs) : null,
        };
    }

    /// <summary>To the wire.</summary>
    public static Messages.TokenizeRequest ToWire(TokenizeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new() { Model = request.Model, Text = request.Text, AddSpecial = request.AddSpecial, ParseSpecial = request.ParseSpecial };
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">No model is named.</exception>
    public static TokenizeRequest FromWire(Messages.TokenizeRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new() { Model = Model(wire.Model), Text = wire.Text, AddSpecial = wire.AddSpecial, ParseSpecial = wire.ParseSpecial };
    }

    /// <summary>To the wire.</summary>
    public static Messages.LoadRequest ToWire(LoadRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wire = new Messages.LoadRequest { Model = request.Model, Options = WireOptions.ToWire(request.Options) };
        if (request.KeepAlive is { } keepAlive)
            wire.KeepAliveNs = WireTime.ToWire(keepAlive);
        return wire;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="InvalidRequestException">No model is named.</exception>
    public static LoadRequest FromWire(Messages.LoadRequest wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new LoadRequest
        {
            Model = Model(wire.Model),
            Options = WireOptions.FromWire(wire.Options),
            KeepAlive = wire.HasKeepAliveNs ? WireTime.FromWire(wire.KeepAliveNs) : null,
        };
    }

    /// <summary>The name, which must be there.</summary>
    /// <exception cref="InvalidRequestException">It is empty.</exception>
    public static string Model(string name) => string.IsNullOrEmpty(name) ? throw new InvalidRequestException("model is required") : name;

    private static Messages.GenerationCommon Common(GenerationRequest request)
    {
        var common = new Messages.GenerationCommon
        {
            Options = WireOptions.ToWire(request.Options),
            Logprobs = request.Logprobs,
            TopLogprobs = request.TopLogprobs,
            NoTruncate = !request.Truncate,
            NoShift = !request.Shift,
            Alone = request.Alone,
            RenderOnly = request.RenderOnly,
            NoContinue = !request.Continue,
            WithTokens = request.WithTokens,
        };
        if (request.SoFar is { } soFar)
        {
            common.SoFar = new Messages.GenerationSoFar { Text = soFar.Text, Thinking = soFar.Thinking, Pieces = soFar.Pieces };
            common.SoFar.Tokens.AddRange(soFar.Tokens);
        }
        if (request.PrefixScope is not null)
            common.PrefixScope = request.PrefixScope;
        if (request.Format is { } format)
            common.Format = format.Schema is { } schema ? schema.GetRawText() : "json";
        if (request.Think is not null)
            common.Think = request.Think;
        if (request.KeepAlive is { } keepAlive)
            common.KeepAliveNs = WireTime.ToWire(keepAlive);
        return common;
    }

    private static GenerationRequest WithCommon(GenerationRequest request, Messages.GenerationCommon? common) => common is null ? request : request with
    {
        Options = WireOptions.FromWire(common.Options),
        Format = !common.HasFormat ? null : common.Format == "json" ? OutputFormat.Json : OutputFormat.FromSchema(Json("format", common.Format)),
        Think = common.HasThink ? common.Think : null,
        KeepAlive = common.HasKeepAliveNs ? WireTime.FromWire(common.KeepAliveNs) : null,
        Logprobs = common.Logprobs,
        TopLogprobs = common.TopLogprobs,
        Truncate = !common.NoTruncate,
        Shift = !common.NoShift,
        Alone = common.Alone,
        PrefixScope = common.HasPrefixScope ? common.PrefixScope : null,
        RenderOnly = common.RenderOnly,
        Continue = !common.NoContinue,
        WithTokens = common.WithTokens,
        SoFar = common.SoFar is { } soFar ? new GenerationSoFar { Text = soFar.Text, Thinking = soFar.Thinking, Tokens = [.. soFar.Tokens], Pieces = soFar.Pieces } : null,
    };

    internal static JsonElement Json(string field, string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException($"{field} must be JSON text: {JsonProblem.Of(e)}", e);
        }
    }
}
