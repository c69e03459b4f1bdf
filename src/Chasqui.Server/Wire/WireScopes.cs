using Chasqui.Gateway;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>What a key must reach to for an operation.</summary>
internal static class WireScopes
{
    public static Scopes Of(string operation) => operation switch
    {
        Op.Generate or Op.Chat or Op.Infer or Op.GenerationResume or Op.GenerationCancel or Op.Embed or Op.Tokenize or Op.ChannelSubscribe => Scopes.Infer,
        Op.ModelsLoad or Op.ModelsUnload or Op.ModelsPin or Op.ModelsPull or Op.ModelsPush or Op.ModelsCreate or Op.ModelsCopy or Op.ModelsDelete => Scopes.Models,
        Op.ChannelPublish => Scopes.Admin,
        _ => Scopes.None,
    };
}
