namespace Chasqui.Protocol.Operations;

/// <summary>The values of the field <c>op</c> (docs/protocol.md, section 10).</summary>
public static class Operation
{
    /// <summary>GenerateRequest to a stream of GenerationUpdate.</summary>
    public const string Generate = "generate";

    /// <summary>ChatRequest to a stream of GenerationUpdate.</summary>
    public const string Chat = "chat";

    /// <summary>EmbedRequest to EmbedResponse.</summary>
    public const string Embed = "embed";

    /// <summary>TokenizeRequest to TokenizeResponse.</summary>
    public const string Tokenize = "tokenize";

    /// <summary>InferRequest to a stream of GenerationUpdate.</summary>
    public const string Infer = "infer";

    /// <summary>ResumeRequest to a stream of GenerationUpdate: the rest of a generation that is kept.</summary>
    public const string GenerationResume = "generation.resume";

    /// <summary>GenerationName to Empty: ends a generation that is kept.</summary>
    public const string GenerationCancel = "generation.cancel";

    /// <summary>A request of an HTTP API, passed through.</summary>
    public const string Http = "http";

    /// <summary>Empty to ModelList.</summary>
    public const string ModelsList = "models.list";

    /// <summary>ModelName to ModelDescription.</summary>
    public const string ModelsShow = "models.show";

    /// <summary>Empty to ResidentList.</summary>
    public const string ModelsPs = "models.ps";

    /// <summary>LoadRequest to ResidentModel.</summary>
    public const string ModelsLoad = "models.load";

    /// <summary>ModelName to UnloadResponse.</summary>
    public const string ModelsUnload = "models.unload";

    /// <summary>PinRequest to ResidentModel.</summary>
    public const string ModelsPin = "models.pin";

    /// <summary>TransferRequest to a stream of PullProgress.</summary>
    public const string ModelsPull = "models.pull";

    /// <summary>TransferRequest to a stream of PullProgress.</summary>
    public const string ModelsPush = "models.push";

    /// <summary>CreateModelRequest to a stream of PullProgress.</summary>
    public const string ModelsCreate = "models.create";

    /// <summary>CopyModelRequest to Empty.</summary>
    public const string ModelsCopy = "models.copy";

    /// <summary>ModelName to Empty.</summary>
    public const string ModelsDelete = "models.delete";

    /// <summary>Empty to ServerInfo.</summary>
    public const string ServerInfo = "server.info";

    /// <summary>SubscribeRequest to a stream of ChannelEvent.</summary>
    public const string ChannelSubscribe = "channel.subscribe";

    /// <summary>PublishRequest to PublishResponse.</summary>
    public const string ChannelPublish = "channel.publish";
}
