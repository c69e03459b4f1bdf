using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models;
using Chasqui.Engines.Models.Managed;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Puts the embedded engine and the store of its models together.</summary>
public static class ModelManagement
{
    /// <summary>An engine of this machine, and the store in the data folder beside it.</summary>
    /// <param name="engine">The engine, which reads the same places; disposed with the result.</param>
    /// <param name="options">The gateway's options.</param>
    /// <param name="services">Of the gateway.</param>
    public static ManagedEngine Add(IEngine engine, GatewayOptions options, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Add(engine, options, Models(options, services), services);
    }

    /// <summary>Checks that models can run in this process, where the engine is in it.</summary>
    /// <exception cref="EngineUnavailableException">They cannot.</exception>
    public static void EnsureAvailable(IEngine engine) =>
        (((engine as ManagedEngine)?.Inner ?? engine) as LlamaEngine)?.EnsureAvailable();

    internal static ManagedEngine Add(IEngine engine, GatewayOptions options, ModelStore models, IServiceProvider services) => new(engine, new ManagedStore(
        new ManagedStoreOptions
        {
            Folder = DataFolder.StoreOf(options.Data.Folder),
            MaxModelBytes = options.Models.MaxBytes,
            PrivateRegistries = [.. options.Models.Registries.Except([.. RegistryList.Default, "*"])],
        }, models, services.GetRequiredService<TimeProvider>()));

    /// <summary>All models of this machine.</summary>
    internal static ModelStore Models(GatewayOptions options, IServiceProvider services) => new(
        new ModelStoreOptions
        {
            StoreFolder = DataFolder.StoreOf(options.Data.Folder),
            Folders = options.Models.Folders,
            OllamaFolder = options.Models.OllamaStore,
        },
        services.GetRequiredService<ILoggerFactory>().CreateLogger<ModelStore>());
}
