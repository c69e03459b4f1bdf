using Chasqui.Protocol.Messages;
using Google.Protobuf;
using Microsoft.Extensions.AI;
using AiMessage = Microsoft.Extensions.AI.ChatMessage;
using WireMessage = Chasqui.Protocol.Messages.ChatMessage;

namespace Chasqui.Client;

/// <summary>Requests of Microsoft.Extensions.AI as messages of the wire.</summary>
internal static class ChatMapping
{
    internal static ChatRequest ToWire(IEnumerable<AiMessage> messages, ChatOptions? options, string? defaultModel)
    {
        if (options?.Tools is { Count: > 0 })
            throw new NotSupportedException("tools are not supported by ChasquiChatClient; use the gateway's HTTP API for tool calls");
        var request = new ChatRequest
        {
            Model = options?.ModelId ?? defaultModel ?? throw new InvalidOperationException("no model: set ChatOptions.ModelId or the client's default model"),
            Common = Common(options),
        };
        if (options?.Instructions is { Length: > 0 } instructions)
            request.Messages.Add(new WireMessage { Role = "system", Content = instructions });
        foreach (var message in messages)
            request.Messages.Add(Message(message));
        return request;
    }

    private static WireMessage Message(AiMessage message)
    {
        var wire = new WireMessage { Role = message.Role.Value };
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent text:
                    wire.Content += text.Text;
                    break;
                case TextReasoningContent reasoning:
                    wire.Thinking += reasoning.Text;
                    break;
                case DataContent data when data.HasTopLevelMediaType("image"):
                    wire.Images.Add(ByteString.CopyFrom(data.Data.Span));
                    break;
                case UsageContent:
                    break;
                default:
                    throw new NotSupportedException($"a message with {content.GetType().Name} is not supported");
            }
        }

        return wire;
    }

    private static GenerationCommon Common(ChatOptions? options)
    {
        var wire = new GenerationOptions();
        var common = new GenerationCommon { Options = wire };
        if (options is null)
            return common;
        if (options.Temperature is { } temperature)
            wire.Temperature = temperature;
        if (options.TopP is { } topP)
            wire.TopP = topP;
        if (options.TopK is { } topK)
            wire.TopK = topK;
        if (options.MaxOutputTokens is { } most)
            wire.NumPredict = most;
        if (options.PresencePenalty is { } presence)
            wire.PresencePenalty = presence;
        if (options.FrequencyPenalty is { } frequency)
            wire.FrequencyPenalty = frequency;
        if (options.Seed is { } seed)
        {
            wire.Seed = seed is >= int.MinValue and <= int.MaxValue
                ? (int)seed : throw new ArgumentOutOfRangeException(nameof(options), seed, "Seed must fit in 32 bits");
        }

        if (options.StopSequences is { } stop)
        {
            wire.HasStop = true;
            wire.Stop.AddRange(stop);
        }

        if (options.ResponseFormat is ChatResponseFormatJson json)
            common.Format = json.Schema is { } schema ? schema.GetRawText() : "json";
        return common;
    }
}
